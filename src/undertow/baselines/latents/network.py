"""`LatentNetwork`: Gaussian latents, and neurons that read them linearly."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log
from typing import Literal

import torch
from torch import Tensor, nn

from undertow.inference import (
    ConditionedLaw,
    GaussianReadout,
    PathPrior,
    PoissonReadout,
    SitePosterior,
    Sites,
    infer_sites,
)
from undertow.inference.path_readouts import PathReadout
from undertow.models.em import Given, PathEM

Observed = Literal["gaussian", "poisson"]
"""Square roots of counts with Gaussian noise, or Poisson counts."""
START_VAR, LEAST_STEP = 0.1, 0.01
"""Variance of each state about the path that a fit starts from; least first step of an inference
that goes on."""
LEAST_HZ, MOST_HZ = 1e-3, 2000.0
"""Rates of a prediction lie between these, or up to twice the highest count that was seen."""


@dataclass(frozen=True)
class Inferred:
    """What is inferred of the latents of some trials.

    Attributes:
        mean: (trials, bins, dim).
        cov: of each bin, (trials, bins, dim, dim).
        elbo: evidence bound in nats, (trials,).
        rows: what the next E-step and the M-step take beside, by name, (trials, …).
        law: of the paths, to sample from.
    """

    mean: Tensor
    cov: Tensor
    elbo: Tensor
    rows: dict[str, Tensor] = field(default_factory=dict)
    law: ConditionedLaw | None = None

    @classmethod
    def joined(cls, parts: Sequence["Inferred"]) -> "Inferred":
        """The trials of several one below the other, without laws."""
        rows = {k: torch.cat([part.rows[k] for part in parts]) for k in parts[0].rows}
        mean, cov = (torch.cat([getattr(p, n) for p in parts]) for n in ("mean", "cov"))
        return cls(mean, cov, torch.cat([part.elbo for part in parts]), rows)


class LatentNetwork(nn.Module, ABC):
    """Latent paths x with a Gaussian law, and neurons that read C x + d, float64 throughout.

    Args:
        dim: number of latents.
        mean_counts: mean count per bin of each neuron, above zero, (neurons,).
        bin_s: bin width in seconds.
        observed: 'poisson': counts are Poisson(exp(C x + d)); 'gaussian': √counts are N(C x + d,
            R), R diagonal.

    Attributes:
        readout: C, d and R.
        regression: weights and offset (last) of a Poisson regression from inferred latents to
            counts per bin, (neurons, dim + 1); it makes the rates where `regressed` is 1.
        highest: highest count per bin of the training trials.
    """

    regression: Tensor
    regressed: Tensor
    highest: Tensor

    def __init__(self, dim: int, mean_counts: Tensor, bin_s: float, observed: Observed) -> None:
        super().__init__()
        self.dim, self.bin_s, self.observed = dim, bin_s, observed
        self.readout: PathReadout = (
            PoissonReadout(dim, len(mean_counts), mean_counts)
            if observed == "poisson"
            else GaussianReadout(dim, len(mean_counts))
        )
        self.register_buffer("regression", torch.zeros(len(mean_counts), dim + 1))
        self.register_buffer("regressed", torch.zeros(()))
        self.register_buffer("highest", torch.ones(()))

    # --- what a concrete network says ------------------------------------------------------------

    @abstractmethod
    def begin(self, given: Given, paths: Tensor) -> None:
        """Set the law of the latents to one that fits these paths (trials, bins, dim)."""

    @abstractmethod
    def infer(
        self, given: Given, options: PathEM, steps: int, before: dict[str, Tensor] | None = None
    ) -> Inferred:
        """Infer the latents; go on from the `rows` of `before` where there are some."""

    @abstractmethod
    def learn_latents(self, given: Given, inferred: Inferred) -> None:
        """Improve the law of the latents, given what was inferred."""

    @abstractmethod
    def draw(self, n: int, n_time: int, generator: torch.Generator) -> Tensor:
        """Draw latents without data, (n, n_time, dim)."""

    def further_latents(self, inferred: Inferred) -> dict[str, Tensor]:
        """What a prediction shows beside the latents, by name, (trials, bins, …); nothing else."""
        return {}

    def misfit(self) -> str:
        """Say why these tensors are those of no law; empty where they are."""
        broken = (k for k, v in self.state_dict().items() if not bool(v.isfinite().all()))
        name = next(broken, None)
        return "" if name is None else f"{name} holds what is no finite number"

    # --- the two steps ---------------------------------------------------------------------------

    def values(self, given: Given) -> Tensor:
        """What the readout observes, (trials, bins, neurons)."""
        return given.counts.sqrt() if self.observed == "gaussian" else given.counts

    @torch.no_grad()
    def start(self, given: Given, paths: Tensor) -> None:
        """Set readout and latents to what fits these paths."""
        self.highest.copy_(given.counts.max())
        spread = START_VAR * torch.eye(self.dim).to(paths)
        self.learn_readout(given, paths, spread.expand(*paths.shape, self.dim), 20)
        self.begin(given, paths)

    @torch.no_grad()
    def learn(self, given: Given, inferred: Inferred) -> None:
        """The M-step."""
        self.learn_latents(given, inferred)
        self.learn_readout(given, inferred.mean, inferred.cov, 2)

    def learn_readout(self, given: Given, mean: Tensor, cov: Tensor, steps: int) -> None:
        """Improve the readout given the law of the latents, (trials, bins, …)."""
        inside = given.inside
        values, seen = self.values(given)[inside], given.seen[inside]
        self.readout.learn(mean[inside], cov[inside], values, seen, steps)

    def infer_under(
        self,
        prior: PathPrior,
        given: Given,
        steps: int,
        options: PathEM,
        before: dict[str, Tensor] | None = None,
    ) -> Inferred:
        """Infer the latents under a prior of their paths; Gaussian observations take one step."""
        values, exact = self.values(given), self.observed == "gaussian"
        if before is None:
            before = starting_rows(values, self.dim, options)
        found = infer_sites(
            prior,
            lambda mean, cov: self.readout.expected_log_prob(mean, cov, values, given.seen),
            Sites(before["linear"], before["precision"]),
            1 if exact else steps,
            1.0 if exact else before["step_size"],
        )
        return Inferred(found.law.mean, found.law.cov, found.elbo, kept_rows(found), found.law)

    def drawn_from(
        self, prior: PathPrior, n: int, n_time: int, generator: torch.Generator
    ) -> Tensor:
        """Paths of a prior, (n, n_time, dim)."""
        law = prior.condition(Sites.none(self.regression.new_zeros(n, n_time, 1), self.dim))
        like = self.regression
        noise = torch.randn(
            n, law.noise_size, dtype=like.dtype, device=like.device, generator=generator
        )
        return law.sample(noise)

    # --- what is read from latents ---------------------------------------------------------------

    def rates(self, mean: Tensor, cov: Tensor | None = None) -> Tensor:
        """Rates in spikes/s, (…, neurons), at latents, or expected under their covariance."""
        most = max(MOST_HZ * self.bin_s, 2 * float(self.highest))
        logs = self._regressed(mean) if bool(self.regressed) else self._modelled(mean, cov)
        return logs.clamp(log(LEAST_HZ * self.bin_s), log(most)).exp() / self.bin_s

    def _regressed(self, mean: Tensor) -> Tensor:
        return mean @ self.regression[:, :-1].t() + self.regression[:, -1]

    def _modelled(self, mean: Tensor, cov: Tensor | None) -> Tensor:
        """Logarithm of the expected counts per bin as the readout has them."""
        linear = self.readout.linear(mean)
        spread = 0.0 if cov is None else self.readout.variance(cov)
        if isinstance(self.readout, GaussianReadout):
            return (linear.square() + spread + self.readout.log_noise_var.exp()).log()
        return linear + spread / 2

    @property
    def orthonormal(self) -> Tensor:
        """The map of latents to those whose readout has orthonormal columns, (dim, dim).

        With C = U D Vᵀ these are D Vᵀ x, ordered by how much they move the population (Yu et al.
        2009, section 2.4).
        """
        return (
            torch.linalg.svd(self.readout.weight, full_matrices=False).Vh
            * (torch.linalg.svdvals(self.readout.weight)[:, None])
        )


def starting_rows(like: Tensor, dim: int, options: PathEM) -> dict[str, Tensor]:
    """Where inference begins that knows nothing: no sites, and the size of the first step."""
    none = Sites.none(like, dim)
    step_size = like.new_full((len(like),), options.step_size)
    return {"linear": none.linear, "precision": none.precision, "step_size": step_size}


def kept_rows(found: SitePosterior) -> dict[str, Tensor]:
    """What inference goes on from, by name, (trials, …)."""
    sites, size = found.sites, found.share.clamp(min=LEAST_STEP)
    # a trial that needed small steps must not begin anew with large ones
    return {"linear": sites.linear, "precision": sites.precision, "step_size": size}
