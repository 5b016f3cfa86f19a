"""`StaticFactors`: factors of smoothed spikes, bin by bin, and a Poisson regression from them."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from undertow import checks
from undertow.baselines.arrays.averages import mean_rates
from undertow.baselines.arrays.model import ArrayBaseline, Shape
from undertow.baselines.latents.regression import (
    LatentRegression,
    check_spiking,
    choose_penalty,
)
from undertow.data import TrialSet
from undertow.dynamics.limits import width
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.sample_sums import check_samples
from undertow.models.search_space import Choices, SearchSpace
from undertow.models.smoothed_regression import Grid, HeldInSmoother, grid_values

MOST_SAMPLES = 10**6


class Factors(NamedTuple):
    """y = C x + d + noise of every held-in neuron in every bin, x ~ N(0, I).

    Attributes:
        loadings: C, (held-in, dim).
        offset: d, (held-in,).
        noise_var: variance of the noise, (held-in,).
    """

    loadings: np.ndarray
    offset: np.ndarray
    noise_var: np.ndarray

    @property
    def cov(self) -> np.ndarray:
        """Covariance of the latents given a bin, (dim, dim)."""
        information = self.loadings.T @ (self.loadings / self.noise_var[:, None])
        found: np.ndarray = np.linalg.inv(np.eye(len(information)) + information)
        return found

    def latents(self, values: np.ndarray) -> np.ndarray:
        """Mean of the latents given values (…, held-in), (…, dim)."""
        weighted = (values - self.offset) / self.noise_var
        found: np.ndarray = weighted @ self.loadings @ self.cov
        return found


class StaticFactors(ArrayBaseline):
    """Latents of each bin alone: factors of smoothed √rates, and a Poisson regression from them.

    Concrete ones say how factors are found, from training trials. Held-in spikes are smoothed with
    a Gaussian; all neurons' rates are read from the latents by a Poisson regression. Width and
    penalty are chosen on validation trials by co-smoothing; with nothing held out, they are the
    first of each. Forward bins are mean rates.
    """

    search_space: ClassVar[SearchSpace] = {"latent_dim": Choices((3, 4, 6, 8, 12, 16, 24, 32))}
    shapes: ClassVar[dict[str, Shape]] = {
        "loadings": ("heldin", "dim"),
        "offset": ("heldin",),
        "noise_var": ("heldin",),
        "width_s": (1,),
        "weights": ("dim", "neurons"),
        "log_rates": ("neurons",),
        "window_hz": ("neurons",),
        "forward_hz": ("neurons",),
    }
    positive: ClassVar[tuple[str, ...]] = ("noise_var", "width_s", "window_hz", "forward_hz")
    latent_dim: int
    width_s: Grid
    penalty: Grid
    causal: bool

    def check_settings(self) -> None:
        super().check_settings()
        width("latent_dim", self.latent_dim)
        grid_values("width_s", self.width_s)
        grid_values("penalty", self.penalty)

    def has_posterior(self) -> bool:
        return True

    @abstractmethod
    def find(self, values: np.ndarray, number: int) -> Factors:
        """Find so many factors of values (bins, held-in)."""

    # --- fitting -----------------------------------------------------------------------------

    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        if (few := self._few_enough(trials)) < self.latent_dim:
            self.notes_.append(f"{few} factors: the trials have no more held-in neurons, or bins")
        widths = grid_values("width_s", self.width_s)
        penalties = grid_values("penalty", self.penalty)
        chosen = widths[0], penalties[0]
        if trials.heldout.any():
            check_spiking(validation)
            chosen = max(
                (self._tried(each, penalties, trials, validation) for each in widths),
                key=lambda tried: tried[2],
            )[:2]
        factors, latents = self._fitted(chosen[0], everything)
        regression = LatentRegression(latents, everything).fit(chosen[1])
        return {
            **factors._asdict(),
            "width_s": np.array([chosen[0]]),
            "weights": regression.weights,
            # ln of counts per bin to ln of spikes/s
            "log_rates": regression.offset - np.log(everything.bin_s),
            "window_hz": mean_rates(everything, forward=False),
            "forward_hz": mean_rates(everything, forward=True),
        }

    def _few_enough(self, trials: TrialSet) -> int:
        """As many factors as asked for, and no more than there are held-in neurons or bins."""
        most = min(int((~trials.heldout).sum()), int(in_window(trials).sum()))
        return min(self.latent_dim, most)

    def _fitted(self, width_s: float, trials: TrialSet) -> tuple[Factors, np.ndarray]:
        """Factors of these trials, and the latents of each bin."""
        values = self._roots(trials, width_s, mean_rates(trials, forward=False))
        factors = self.find(values[in_window(trials)], self._few_enough(trials))
        return factors, factors.latents(values)

    def _tried(
        self, width_s: float, penalties: list[float], trials: TrialSet, validation: TrialSet
    ) -> tuple[float, float, float]:
        """Width, best penalty and its bits per spike on the validation trials."""
        factors, latents = self._fitted(width_s, trials)
        usual = mean_rates(trials, forward=False)
        held = factors.latents(self._roots(validation, width_s, usual))
        penalty, score = choose_penalty(latents, trials, held, validation, penalties)
        return width_s, penalty, score

    def _roots(self, trials: TrialSet, width_s: float, mean_hz: np.ndarray) -> np.ndarray:
        return smoothed_roots(trials, width_s, mean_hz, self.causal)

    # --- predicting --------------------------------------------------------------------------

    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        arrays = self.network_
        factors = Factors(arrays["loadings"], arrays["offset"], arrays["noise_var"])
        values = self._roots(trials, float(arrays["width_s"][0]), arrays["window_hz"])
        latents = factors.latents(values)
        regression = PoissonRegression(arrays["weights"], arrays["log_rates"])
        read = self._reader(regression, trials)
        if samples is None:
            return read(latents), {"x": latents}, {}
        checks.whole("samples", samples, 1, MOST_SAMPLES)
        check_samples(trials, samples)
        rng, factor = np.random.default_rng(seed), np.linalg.cholesky(factors.cov)
        drawn = np.stack(
            [latents + rng.normal(size=latents.shape) @ factor.T for _ in range(samples)]
        )
        past = ~trials.valid[..., None]
        rates = np.stack([np.where(past, np.nan, read(each)) for each in drawn])
        further = {
            "rate_samples": rates.astype(np.float32),
            "latent_samples": {"x": np.where(past, np.nan, drawn).astype(np.float32)},
        }
        return read(latents), {"x": latents}, further

    def _reader(
        self, regression: PoissonRegression, trials: TrialSet
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Latents → rates in spikes/s; forward bins are mean rates."""

        def read(latents: np.ndarray) -> np.ndarray:
            rates = np.exp(regression.log_counts(latents))
            rates[:, trials.n_time - trials.forward_bins :] = self.network_["forward_hz"]
            return rates

        return read

    def sample(self, n: int, n_time: int, seed: int = 0) -> TrialSet:
        """Make trials without data: latents N(0, I) in each bin, rates, Poisson counts from them.

        Args:
            n, n_time: number of trials and bins.
            seed: of the draws.
        """
        self._check_fitted()
        rng, arrays = np.random.default_rng(seed), self.network_
        latents = rng.normal(size=(n, n_time, len(arrays["weights"])))
        regression = PoissonRegression(arrays["weights"], arrays["log_rates"])
        rates = np.exp(regression.log_counts(latents))
        return TrialSet(
            rng.poisson(rates * self.bin_s_),
            self.bin_s_,
            truth=rates,
            neuron_ids=self.neuron_ids_,
            heldout=self.heldout_,
            derived=True,
        )


def smoothed_roots(
    trials: TrialSet, width_s: float, mean_hz: np.ndarray, causal: bool = False
) -> np.ndarray:
    """√ of smoothed held-in counts per bin, (trials, time, held-in); means in forward bins."""
    usual = mean_hz[~trials.heldout]
    found = np.empty((trials.n_trials, trials.n_time, len(usual)))
    window = HeldInSmoother(usual, causal)(trials, width_s)
    found[:, : window.shape[1]] = window
    found[:, window.shape[1] :] = usual
    roots: np.ndarray = np.sqrt(found * trials.bin_s)
    return roots


def in_window(trials: TrialSet) -> np.ndarray:
    """Bins of the window inside each trial, (trials, time)."""
    inside = trials.valid.copy()
    inside[:, trials.n_time - trials.forward_bins :] = False
    return inside
