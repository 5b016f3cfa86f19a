"""Inference of single trials beyond the encoder: by gradient steps, by particles, or both."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from undertow import checks
from undertow.data import Prediction
from undertow.data.batches import Batch
from undertow.inference import PathLaw, evidence_bound, refine, smooth
from undertow.memory import blocks
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.randomness import path_generator

MOST_STEPS, LEAST_PARTICLES, MOST_PARTICLES = 100_000, 2, 1_000_000
REFINING_PATHS, BOUND_PATHS = 4, 32
"""Paths of each trial in a gradient step, and in the bounds before and after."""
AT_ONCE_BYTES = 2**28
"""What the particles or the graph of the trials worked on together may take."""
REFINING, SMOOTHING = 101, 102
"""Streams of random numbers, apart from those of plain paths."""


@dataclass(frozen=True)
class Effort:
    """What is spent on each trial beside the encoder.

    Attributes:
        refine: gradient steps on the trial's own posterior; 0 for none.
        particles: particles that draw paths of the smoothing law; 0 to draw them from the
            posterior.

    Raises:
        ModelError: for a number out of range.
    """

    refine: int = 0
    particles: int = 0

    def __post_init__(self) -> None:
        checks.whole("refine", self.refine, 0, MOST_STEPS)
        if self.particles:
            checks.whole("particles", self.particles, LEAST_PARTICLES, MOST_PARTICLES)

    def __bool__(self) -> bool:
        return bool(self.refine or self.particles)


@dataclass(frozen=True)
class Inferred:
    """Paths of single trials and what their inference found.

    Attributes:
        paths: one path of each trial at a time.
        terms: name → nats of each trial, (trials,), of the counts the encoder may see:
            'amortised_bound' and 'refined_bound', 'log_evidence'.
        effective: particles of equal weight that would carry the law of each bin's state, (trials,
            time); None without particles.
    """

    paths: Iterator[Drawn]
    terms: dict[str, np.ndarray]
    effective: np.ndarray | None

    def beside(self, prediction: Prediction) -> Prediction:
        """Add what was found to a prediction from these paths."""
        terms = {**prediction.terms, **self.terms}
        if self.effective is not None:
            # paths of the smoothing law have no divergence of their own
            terms = {name: term for name, term in terms.items() if not name.startswith("kl_")}
        return replace(prediction, terms=terms, effective_samples=self.effective)


def infer(
    network: LatentSDENetwork,
    batch: Batch,
    encoded: Encoded,
    effort: Effort,
    samples: int,
    seed: int,
    generate: bool,
    behavior_shown: bool,
) -> Inferred:
    """Infer trials one by one, some at a time; the arguments are those of `predict`."""
    seen = _seen(network, batch, generate, behavior_shown)
    found = [
        _Some(network, seen.take(index), encoded.take(index), generate, effort).infer(
            samples, seed, part
        )
        for part, index in enumerate(_parts(network, batch, effort))
    ]
    names = found[0][1]
    terms = {k: torch.cat([each[1][k] for each in found]).cpu().numpy() for k in names}
    effective = None
    if effort.particles:
        effective = batch.ended(torch.cat([each[2] for each in found])[..., None])[..., 0]
        states = torch.cat([each[0] for each in found])
        return Inferred(_of_states(network, states), terms, effective)
    laws = [each[0] for each in found]
    return Inferred(_of_laws(network, laws, samples, seed), terms, effective)


def _seen(network: LatentSDENetwork, batch: Batch, generate: bool, behavior_shown: bool) -> Batch:
    """Leave of the batch what the encoder may see, as what the path is to explain."""
    bins = batch.observed & network.before_t0(batch) if generate else batch.observed
    targets = batch.targets.new_full(batch.targets.shape, torch.nan)
    targets[..., batch.heldin] = batch.targets[..., batch.heldin]
    targets = targets.masked_fill_(~bins[..., None], torch.nan)
    behavior = None
    if behavior_shown and not generate and batch.behavior is not None:
        behavior = batch.behavior.masked_fill(~bins[..., None], torch.nan)
    return replace(batch, targets=targets, behavior=behavior, labels={}, observed=bins)


def _parts(network: LatentSDENetwork, batch: Batch, effort: Effort) -> Iterator[Tensor]:
    """Split trials into parts that fit into memory."""
    n_time, n_neurons = batch.targets.shape[1:]
    width = network.dynamics.state_dim + 8
    features = sum(p.shape[0] for p in network.decoder.parameters() if p.ndim == 1) + n_neurons
    steps = n_time / min(network.bins_per_step, 1.0)
    graph = bool(effort.refine) * REFINING_PATHS * 4 * (32 * n_neurons + 8 * features) * n_time
    particles = effort.particles * 4 * (3 * steps * width + 8 * features)
    every = torch.arange(len(batch), device=batch.targets.device)
    for part in blocks(len(batch), graph + particles, AT_ONCE_BYTES):
        yield every[part]


@dataclass(frozen=True)
class _Some:
    """Trials that are inferred together."""

    network: LatentSDENetwork
    seen: Batch
    encoded: Encoded
    generate: bool
    effort: Effort

    def infer(
        self, samples: int, seed: int, part: int
    ) -> tuple[PathLaw | Tensor, dict[str, Tensor], Tensor]:
        """Return laws, or with particles states (trials, samples, time, state_dim); terms; ESS."""
        # particles meet every bin: where a step spans several, it is made one
        longest = 1.0 if self.effort.particles else np.inf
        bins_per_step = min(self.network.bins_per_step, longest)
        law = self.network.path_law(self.seen, self.encoded, self.generate, bins_per_step)
        terms: dict[str, Tensor] = {}
        device = self.seen.targets.device
        if self.effort.refine:
            law, terms = self._refined(law, path_generator(device, seed, part, REFINING))
        if not self.effort.particles:
            return law, terms, torch.zeros(0)
        found = smooth(
            law.chain(self.network.dynamics),
            law.initial,
            self._log_likelihood(round(law.grid.steps_per_bin)),
            self.effort.particles,
            samples,
            path_generator(device, seed, part, SMOOTHING),
        )
        at = law.grid.before
        terms["log_evidence"] = found.log_evidence
        return found.states[:, :, at], terms, found.effective[:, at]

    # --- gradient steps -----------------------------------------------------------------------

    def _refined(
        self, law: PathLaw, generator: torch.Generator
    ) -> tuple[PathLaw, dict[str, Tensor]]:
        some, within, reference = self, law, None
        if self.generate:
            # the window alone: nothing after it is given
            some = replace(self, **self._window())
            within = self.network.path_law(some.seen, some.encoded, True)
        else:
            reference = self._mean_path(law, generator)
        noise_dim = self.network.dynamics.noise_dim
        found = refine(within, reference, noise_dim, some.bound, self.effort.refine, generator)
        terms = {"amortised_bound": found.before, "refined_bound": found.after}
        return replace(found.law, **self._whole(law)) if self.generate else found.law, terms

    def _whole(self, law: PathLaw) -> dict[str, object]:
        """Give what the window's law lacks beyond the window."""
        names = ("grid", "inputs", "steering", "context", "inside")
        return {name: getattr(law, name) for name in names}

    def _window(self) -> dict[str, Batch | Encoded]:
        bins = max(int(self.network.before_t0(self.seen).sum(1).max()), 1)
        seen, encoded = self.seen, self.encoded
        cut = lambda v: None if v is None else v[:, :bins]  # noqa: E731
        names = ("targets", "observed", "valid", "stimulus", "irregular_times_s")
        window = replace(
            seen,
            **{name: cut(getattr(seen, name)) for name in names},
            lengths=seen.lengths.clamp(max=bins),
            time_s=seen.time_s[:bins],
        )
        context = encoded.context[:, :bins]
        return {
            "seen": window,
            "encoded": replace(encoded, context=context, inputs=cut(encoded.inputs)),
        }

    def _mean_path(self, law: PathLaw, generator: torch.Generator) -> Tensor:
        """Mean state at the start of each step, (trials, steps, state_dim)."""
        rows = law.repeated(REFINING_PATHS)
        # every entry of the path, not those at observations alone
        rows = replace(rows, grid=rows.grid.every_entry())
        states = rows.draw(self.network.dynamics, generator)[0].states[:, :-1]
        return states.unflatten(0, (-1, REFINING_PATHS)).mean(1)

    def bound(self, law: PathLaw, generator: torch.Generator) -> Tensor:
        """Evidence bound of each trial; of more paths where no gradient is taken."""
        paths = REFINING_PATHS if torch.is_grad_enabled() else BOUND_PATHS
        rows = law.repeated(paths)
        path, log_ratio = rows.draw(self.network.dynamics, generator)
        units = self.network.dynamics.units(path.states)
        drawn = Drawn(path.states, units, rows.initial.kl, path.kl_path, log_ratio)
        index = torch.arange(len(law), device=units.device).repeat_interleave(paths)
        likelihoods = self.network.log_likelihoods(self.seen.take(index), drawn)
        likelihood = sum(likelihoods.values(), units.new_zeros(()))
        bound = evidence_bound(likelihood, drawn.kl_initial.sum(1), drawn.kl_path.sum(1))
        return bound.view(-1, paths).mean(1)

    # --- particles ----------------------------------------------------------------------------

    def _log_likelihood(self, steps_per_bin: int) -> "_BinLikelihood":
        return _BinLikelihood(self.network, self.seen, steps_per_bin)


@dataclass(frozen=True)
class _BinLikelihood:
    """Log-likelihood of what is seen of each bin, given states of many particles."""

    network: LatentSDENetwork
    seen: Batch
    steps_per_bin: int

    def __call__(self, k: int, x: Tensor) -> Tensor | None:
        n, between = divmod(k, self.steps_per_bin)
        if between or not self.seen.observed[:, n].any():
            return None
        network, shape = self.network, x.shape[:2]
        units = network.dynamics.units(x).flatten(-2)
        # particles take the place of bins: decoders read each bin alone
        exist = torch.ones(shape, dtype=torch.bool, device=x.device)
        features = network.decoder(units, exist, x.new_zeros(shape[1]))
        counts = self.seen.targets[:, n, None].expand(-1, shape[1], -1)
        found: Tensor = network.observation.log_prob(features, counts).sum(-1)
        if self.seen.behavior is not None and network.behavior is not None:
            behavior = self.seen.behavior[:, n, None].expand(-1, shape[1], -1)
            found = found + network.behavior.log_prob(units, behavior).flatten(2).sum(-1)
        return found


def _of_states(network: LatentSDENetwork, states: Tensor) -> Iterator[Drawn]:
    nothing = states.new_zeros(len(states), 0)
    for sample in range(states.shape[1]):
        path = states[:, sample]
        units = network.dynamics.units(path)
        yield Drawn(path, units, nothing, nothing, nothing.sum(1))


def _of_laws(
    network: LatentSDENetwork, laws: list[PathLaw], samples: int, seed: int
) -> Iterator[Drawn]:
    """Draw one path of every trial, with the noise that plain paths have."""
    for sample in range(samples):
        generator = path_generator(laws[0].initial.mean.device, seed, sample)
        parts = []
        for law in laws:
            path, log_ratio = law.draw(network.dynamics, generator)
            units = network.dynamics.units(path.states)
            parts.append(Drawn(path.states, units, law.initial.kl, path.kl_path, log_ratio))
        yield parts[0] if len(parts) == 1 else Drawn.joined(parts)
