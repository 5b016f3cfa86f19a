"""Gaussian-process factor analysis, with Gaussian or Poisson observations."""

from typing import ClassVar

import numpy as np
import torch
from scipy.optimize import minimize
from torch import Tensor

from undertow import checks
from undertow.baselines.latents import Inferred, LatentBaseline, LatentNetwork, Observed
from undertow.baselines.latents.model import Rates
from undertow.baselines.latents.options import SPACE, LatentEM
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.inference import GaussianProcessPrior, Sites
from undertow.memory import check_memory
from undertow.models.em import Given, PathEM
from undertow.models.population import Population
from undertow.models.search_space import Range, SearchSpace

SEARCH_TRIALS, SEARCH_STEPS = 64, 4
"""Trials and quasi-Newton steps by which timescales are improved in each iteration."""
SHORTEST_BINS, LONGEST_TRIALS = 0.75, 10.0
"""Timescales lie between so many bins and so many lengths of a trial."""
LONGEST_S = 1e6
MATRICES = 4
"""Held at once for each trial, or for all that share one."""


class GPFANetwork(LatentNetwork):
    """Smooth Gaussian processes beneath the neurons; see `LatentNetwork`.

    Attributes:
        timescales_s: τ of each latent in seconds, (dim,).
    """

    timescales_s: Tensor

    def __init__(
        self, dim: int, mean_counts: Tensor, bin_s: float, observed: Observed, timescale_s: float
    ) -> None:
        super().__init__(dim, mean_counts, bin_s, observed)
        self.register_buffer("timescales_s", torch.full((dim,), timescale_s))
        self.double()
        self._prior: GaussianProcessPrior | None = None

    @torch.no_grad()
    def start(self, given: Given, paths: Tensor) -> None:
        """Start with the latents turned so that they differ in how fast they change.

        Of components ordered by variance each is a mixture of fast and slow ones, and
        expectation–maximisation takes very long to part them.
        """
        super().start(given, by_slowness(paths, given.inside))

    def begin(self, given: Given, paths: Tensor) -> None:
        """Timescales start where the options say, whatever the paths."""

    def misfit(self) -> str:
        short = not bool((self.timescales_s > 0).all())
        return super().misfit() or ("timescales_s must be above zero" if short else "")

    def prior(self, n_bins: int) -> GaussianProcessPrior:
        """The law of paths of so many bins; kept while nothing changes."""
        timescales = self.timescales_s / self.bin_s
        kept = self._prior
        if kept is None or kept.n_bins != n_bins or not torch.equal(kept.timescales, timescales):
            self._prior = kept = GaussianProcessPrior(timescales, n_bins)
        return kept

    def infer(
        self, given: Given, options: PathEM, steps: int, before: dict[str, Tensor] | None = None
    ) -> Inferred:
        return self.infer_under(self.prior(given.inside.shape[1]), given, steps, options, before)

    def learn_latents(self, given: Given, inferred: Inferred) -> None:
        """Climb the evidence in ln τ, what each bin tells of the latents held fixed."""
        every = -(-len(inferred.mean) // SEARCH_TRIALS)
        sites = Sites(*(inferred.rows[name][::every] for name in ("linear", "precision")))
        n_bins = given.inside.shape[1]

        def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
            timescales = torch.as_tensor(np.exp(logs)).to(self.timescales_s)
            value, slopes = GaussianProcessPrior(timescales, n_bins).timescale_slopes(sites)
            return -float(value), -slopes.cpu().numpy()

        start = (self.timescales_s / self.bin_s).log().cpu().numpy()
        bounds = [(np.log(SHORTEST_BINS), np.log(LONGEST_TRIALS * n_bins))] * self.dim
        start = np.clip(start, *bounds[0])
        options = {"maxiter": SEARCH_STEPS, "maxfun": 2 * SEARCH_STEPS}
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        if np.isfinite(found.fun):
            self.timescales_s.copy_(torch.as_tensor(np.exp(found.x)) * self.bin_s)

    def draw(self, n: int, n_time: int, generator: torch.Generator) -> Tensor:
        return self.drawn_from(self.prior(n_time), n, n_time, generator)


def by_slowness(paths: Tensor, inside: Tensor) -> Tensor:
    """Turn paths (trials, bins, dim) so that their steps are uncorrelated, the slowest first.

    Of uncorrelated paths of equal variance these are their slow features (Wiskott & Sejnowski
    2002).
    """
    moved = (paths[:, 1:] - paths[:, :-1])[inside[:, 1:]]
    return paths @ torch.linalg.eigh(moved.t() @ moved).eigenvectors


class GPFA(LatentBaseline):
    """Gaussian-process factor analysis of single-trial rates, fitted by expectation–maximisation.

    Latents are independent Gaussian processes with squared-exponential kernels, each with a learned
    timescale; neurons read them linearly (Yu et al. 2009, J. Neurophysiol.). With
    observed='gaussian' √counts have Gaussian noise, as there, and the E-step is exact; with
    'poisson' counts are Poisson(exp(C x + d)), and the E-step is variational (Duncker & Sahani
    2018). Unlike there, the processes have no noise of their own. Held-out neurons and forward bins
    are predicted from the same latents. Only spikes are used.

    Args:
        latent_dim: number of latents.
        observed: 'gaussian' square roots of counts, or 'poisson' counts.
        rates: how rates are read: by the 'model', by a Poisson 'regression' from inferred latents,
            or ('auto') by whichever predicts held-out neurons better on validation trials.
        timescale_s: where each latent's timescale starts, in seconds.
        seed: of where paths start.
        em: options of the fit.

    Attributes:
        timescales_s_: learned timescales in seconds, (latent_dim,).
    """

    cli_name = "gpfa"
    search_space: ClassVar[SearchSpace] = {**SPACE, "timescale_s": Range(0.03, 0.3, "log")}

    def __init__(
        self,
        latent_dim: int = 12,
        observed: Observed = "gaussian",
        rates: Rates = "auto",
        *,
        timescale_s: float = 0.1,
        seed: int = 0,
        em: LatentEM = LatentEM(),  # noqa: B008 (frozen)
    ) -> None:
        self.latent_dim, self.observed, self.rates = latent_dim, observed, rates
        self.timescale_s, self.seed, self.em = timescale_s, seed, em

    def check_settings(self) -> None:
        super().check_settings()
        checks.number("timescale_s", self.timescale_s, 0, LONGEST_S, above=True, unit="seconds")

    def check_memory(self, trials: TrialSet) -> None:
        """Of Poisson counts, each trial has a matrix of its own over bins and latents."""
        super().check_memory(trials)
        size, at_once = trials.n_time * self.latent_dim, min(self.em.batch_size, trials.n_trials)
        at_once = at_once if self.observed == "poisson" else 1
        check_memory(
            8.0 * MATRICES * size**2 * at_once,
            f"matrices of {at_once} trials over {trials.n_time} bins × {self.latent_dim} latents",
            "lower latent_dim or em.batch_size, or take wider bins.",
            ModelError,
        )

    def build_network(self, population: Population) -> GPFANetwork:
        counts = self.mean_counts(population)
        return GPFANetwork(
            self.latent_dim, counts, population.bin_s, self.observed, self.timescale_s
        )

    @property
    def timescales_s_(self) -> np.ndarray:
        """Learned timescales in seconds, (latent_dim,)."""
        self._check_fitted()
        network = self.network_
        assert isinstance(network, GPFANetwork)
        return network.timescales_s.cpu().numpy()
