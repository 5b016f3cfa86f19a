"""Inference of single trials beyond the encoder: by gradient steps, by particles, or both."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from undertow import checks
from undertow.data import Prediction
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.inference import PathLaw, smooth
from undertow.memory import blocks, check_memory
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.models.latent_sde.refining import BOUND_PATHS, refined, refined_start
from undertow.models.latent_sde.seen import SeenLikelihood, seen_of
from undertow.randomness import path_generator

MOST_STEPS, LEAST_PARTICLES, MOST_PARTICLES = 100_000, 2, 1_000_000
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
    effective: np.ndarray | None = None

    def beside(self, prediction: Prediction) -> Prediction:
        """Add what was found to a prediction from these paths."""
        terms = {**prediction.terms, **self.terms}
        if self.effective is not None:
            # paths of the smoothing law have no divergence of their own
            terms = {name: term for name, term in terms.items() if not name.startswith("kl_")}
        return replace(prediction, terms=terms, effective_samples=self.effective)


@torch.no_grad()
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
    """Infer each trial on its own, some trials at a time; the arguments are those of `predict`."""
    seen = seen_of(network, batch, generate, behavior_shown)
    laws, drawn, effective = list[PathLaw](), list[Tensor](), list[Tensor]()
    terms: dict[str, list[Tensor]] = {}
    for part, index in enumerate(_parts(network, batch, effort, samples)):
        some, known = seen.take(index), encoded.take(index)
        law, found = _law(network, some, known, effort, generate, seed, part)
        if effort.particles:
            states, carried, log_evidence = _smoothed(
                network, some, law, effort.particles, samples, seed, part
            )
            drawn.append(states)
            effective.append(carried)
            found["log_evidence"] = log_evidence
        laws.append(law)
        for name, term in found.items():
            terms.setdefault(name, []).append(term)
    nats = {name: torch.cat(parts).cpu().numpy() for name, parts in terms.items()}
    if not effort.particles:
        return Inferred(_of_laws(network, laws, samples, seed), nats)
    ended = batch.ended(torch.cat(effective)[..., None])[..., 0]
    return Inferred(_of_states(network, torch.cat(drawn)), nats, ended)


def _law(
    network: LatentSDENetwork,
    seen: Batch,
    encoded: Encoded,
    effort: Effort,
    generate: bool,
    seed: int,
    part: int,
) -> tuple[PathLaw, dict[str, Tensor]]:
    """Return the law of the trials' paths, refined where asked, and its bounds."""
    # particles meet every bin: where a step spans several, it is made one
    bins_per_step = min(network.bins_per_step, 1.0 if effort.particles else np.inf)
    law = network.path_law(seen, encoded, generate, bins_per_step)
    if not effort.refine:
        return law, {}
    generator = path_generator(seen.targets.device, seed, part, REFINING)
    improve = refined_start if generate else refined
    return improve(network, seen, encoded, law, effort.refine, generator)


def _smoothed(
    network: LatentSDENetwork,
    seen: Batch,
    law: PathLaw,
    particles: int,
    samples: int,
    seed: int,
    part: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw paths of the smoothing law.

    Returns:
        states (trials, samples, time, state_dim), effective particles (trials, time) and log
        evidence (trials,).
    """
    likelihood = SeenLikelihood(network, seen, round(law.grid.steps_per_bin))
    generator = path_generator(seen.targets.device, seed, part, SMOOTHING)
    chain = law.chain(network.dynamics)
    found = smooth(chain, law.initial, likelihood, particles, samples, generator)
    at = law.grid.before
    return found.states[:, :, at], found.effective[:, at], found.log_evidence


def _parts(
    network: LatentSDENetwork, batch: Batch, effort: Effort, samples: int
) -> Iterator[Tensor]:
    """Split trials into parts that fit into memory.

    Raises:
        ModelError: where one trial alone does not.
    """
    n_time, n_neurons = batch.targets.shape[1:]
    features = sum(p.numel() for p in network.decoder.parameters() if p.ndim == 1)
    read = 4 * (8 * features + 8 * n_neurons)
    graph = bool(effort.refine) * BOUND_PATHS * n_time * read
    steps = n_time / min(network.bins_per_step, 1.0)
    kept = effort.particles * (16 * steps * (network.dynamics.state_dim + 4) + read)
    pairs = 12.0 * samples * effort.particles
    check_memory(
        graph + kept + pairs,
        f"inferring a trial of {n_time} bins with {effort.particles} particles",
        "ask for fewer particles or samples.",
        ModelError,
    )
    every = torch.arange(len(batch), device=batch.targets.device)
    for part in blocks(len(batch), graph + kept, AT_ONCE_BYTES):
        yield every[part]


def _of_states(network: LatentSDENetwork, states: Tensor) -> Iterator[Drawn]:
    nothing = states.new_zeros(len(states), 0)
    for path in states.unbind(1):
        yield Drawn(path, network.dynamics.units(path), nothing, nothing, nothing.sum(1))


def _of_laws(
    network: LatentSDENetwork, laws: list[PathLaw], samples: int, seed: int
) -> Iterator[Drawn]:
    """Draw one path of every trial, with the noise that plain paths have."""
    for sample in range(samples):
        generator, parts = path_generator(laws[0].initial.mean.device, seed, sample), []
        for law in laws:
            path, log_ratio = law.draw(network.dynamics, generator)
            units = network.dynamics.units(path.states)
            parts.append(Drawn(path.states, units, law.initial.kl, path.kl_path, log_ratio))
        yield parts[0] if len(parts) == 1 else Drawn.joined(parts)
