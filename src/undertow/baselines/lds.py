"""Linear dynamical systems, with Gaussian or Poisson observations."""

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from undertow.baselines.latents import Inferred, LatentBaseline, LatentNetwork, Observed
from undertow.baselines.latents.model import Rates
from undertow.baselines.latents.options import SPACE, LatentEM
from undertow.baselines.latents.streaming import KalmanStepper
from undertow.errors import ModelError
from undertow.inference import ChainLaw, LinearRegimes
from undertow.models.em import Given, PathEM
from undertow.models.population import Population
from undertow.models.search_space import SearchSpace
from undertow.models.sizes import Size
from undertow.models.streaming import Stepper


class LDSNetwork(LatentNetwork):
    """x_{t+1} = A x_t + b + N(0, Q) beneath the neurons; see `LatentNetwork`."""

    def __init__(self, dim: int, mean_counts: Tensor, bin_s: float, observed: Observed) -> None:
        super().__init__(dim, mean_counts, bin_s, observed)
        self.dynamics: LinearRegimes = LinearRegimes(dim)
        self.double()

    def misfit(self) -> str:
        return super().misfit() or self.dynamics.misfit()

    def begin(self, given: Given, paths: Tensor) -> None:
        spread = torch.zeros(*paths.shape, self.dim).to(paths)
        self._learn(given, paths, spread, spread[:, 1:])

    def infer(
        self, given: Given, options: PathEM, steps: int, before: dict[str, Tensor] | None = None
    ) -> Inferred:
        prior = self.dynamics.prior(given.inside.shape[1], None, None)
        found = self.infer_under(prior, given, steps, options, before)
        assert isinstance(found.law, ChainLaw)
        rows = {**found.rows, "lag": found.law.lag}
        return Inferred(found.mean, found.cov, found.elbo, rows, found.law)

    def learn_latents(self, given: Given, inferred: Inferred) -> None:
        self._learn(given, inferred.mean, inferred.cov, inferred.rows["lag"])

    def _learn(self, given: Given, mean: Tensor, cov: Tensor, lag: Tensor) -> None:
        shares = given.inside[:, 1:, None].to(mean)
        self.dynamics.learn(mean, cov, lag, shares, None)
        self.dynamics.learn_initial(mean[:, 0], cov[:, 0])

    def draw(self, n: int, n_time: int, generator: torch.Generator) -> Tensor:
        prior = self.dynamics.prior(n_time, None, None)
        return self.drawn_from(prior, n, n_time, generator)


class LDS(LatentBaseline):
    """Linear dynamical system of single-trial rates, fitted by expectation–maximisation.

    Latents follow x_{t+1} = A x_t + b + N(0, Q) from x₁ ~ N(m, S). With observed='poisson' counts
    are Poisson(exp(C x + d)) (Macke et al. 2011; paths by natural gradients over Gaussian Markov
    laws); with 'gaussian' √counts are N(C x + d, R), and the E-step is exact (Kalman and
    Rauch–Tung–Striebel smoothing; Ghahramani & Hinton 1996). Held-out neurons and forward bins are
    predicted from the same latents. Only spikes are used.

    Args:
        latent_dim: number of latents.
        observed: 'poisson' counts or 'gaussian' square roots of counts.
        rates: how rates are read: by the 'model', by a Poisson 'regression' from inferred latents,
            or ('auto') by whichever predicts held-out neurons better on validation trials.
        seed: of where paths start.
        em: options of the fit.
    """

    cli_name = "lds"
    search_space: ClassVar[SearchSpace] = SPACE

    def __init__(
        self,
        latent_dim: int = 20,
        observed: Observed = "poisson",
        rates: Rates = "auto",
        *,
        seed: int = 0,
        em: LatentEM = LatentEM(),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.observed, self.rates = latent_dim, observed, rates
        self.seed, self.em = seed, em

    def network_size(self, population: Population) -> Size:
        return super().network_size(population) + Size(2 * self.latent_dim**2, 0)

    def build_network(self, population: Population) -> LDSNetwork:
        counts = self.mean_counts(population)
        return LDSNetwork(self.latent_dim, counts, population.bin_s, self.observed)

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        if self.observed != "gaussian":
            raise ModelError(
                "this LDS has Poisson observations and cannot be streamed: every bin changes what "
                "is inferred of all before, to no end; fit one with observed='gaussian', whose "
                "Kalman filter is exact."
            )
        if samples is not None:
            self.refuse_samples(samples)
        network = self.network_on_cpu()
        assert isinstance(network, LDSNetwork)
        return KalmanStepper(network, network.dynamics, np.flatnonzero(~self.heldout_))
