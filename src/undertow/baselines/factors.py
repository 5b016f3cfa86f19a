"""Principal components and factor analysis of smoothed spikes, bin by bin."""

import numpy as np

from undertow.baselines.arrays.factors import Factors, StaticFactors
from undertow.baselines.latents.regression import PENALTIES
from undertow.baselines.streaming import FactorsStepper
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.smoothed_regression import Grid
from undertow.models.streaming import PastSmoother, Stepper

LEAST_NOISE_VAR = 1e-4
TOLERANCE = 0.01
"""Gain in log-likelihood at which scikit-learn's factor analysis stops."""


def compressed(values: np.ndarray) -> np.ndarray:
    """As few rows as there can be of the same mean and covariance, all that factors depend on."""
    mean, n = values.mean(axis=0), len(values)
    root = np.asarray(np.linalg.qr(values - mean, mode="r"))
    # each row and its mirror image: so that their mean is zero
    rows: np.ndarray = mean + np.concatenate([root, -root]) * np.sqrt(len(root) / n)
    return rows


class SmoothedFactors(StaticFactors):
    """Factors that can be streamed where spikes are smoothed over the past."""

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        if not self.causal:
            return super().stepper(samples, seed)
        if samples is not None:
            self.refuse_samples(samples)
        arrays = self.network_
        usual, width_s = arrays["window_hz"][~self.heldout_], float(arrays["width_s"][0])
        return FactorsStepper(
            PastSmoother(usual, width_s, self.bin_s_),
            Factors(arrays["loadings"], arrays["offset"], arrays["noise_var"]),
            PoissonRegression(arrays["weights"], arrays["log_rates"]),
        )


class FactorAnalysis(SmoothedFactors):
    """Factor analysis of smoothed √rates, and a Poisson regression from the factors.

    Each held-in neuron has noise of its own. The factors are scikit-learn's, by exact singular
    values; by random ones, its default, it may stop far from the likeliest.

    Args:
        latent_dim: number of factors.
        width_s: standard deviation of the Gaussian that smooths spikes, in seconds; one value, or
            several to choose from on validation trials.
        penalty: of the regression's squared weights, of standardised factors; one or several.
        causal: smooth over past bins alone, with half of the Gaussian.
        seed: of the split into training and validation trials, when none are given.
    """

    cli_name = "factor-analysis"

    def __init__(
        self,
        latent_dim: int = 12,
        width_s: Grid = (0.04, 0.02, 0.06, 0.08, 0.12),
        penalty: Grid = PENALTIES,
        *,
        causal: bool = False,
        seed: int = 0,
    ) -> None:
        self.latent_dim, self.width_s, self.penalty = latent_dim, width_s, penalty
        self.causal, self.seed = causal, seed

    def find(self, values: np.ndarray, number: int) -> Factors:
        import warnings

        from sklearn import decomposition
        from sklearn.exceptions import ConvergenceWarning

        few = compressed(values)
        # it sums over rows and stops where the sum gains less than this: as on all of them
        tolerance = TOLERANCE * len(few) / len(values)
        # the last iterations move little; of silent neurons it takes logarithms of zero
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = decomposition.FactorAnalysis(number, tol=tolerance, svd_method="lapack").fit(
                few
            )
        noise = np.maximum(found.noise_variance_, LEAST_NOISE_VAR)
        return Factors(found.components_.T, found.mean_, noise)


class PCA(SmoothedFactors):
    """Principal components of smoothed √rates, and a Poisson regression from them.

    They are those of probabilistic PCA (Tipping & Bishop 1999): all held-in neurons have the same
    noise, the mean variance of the components left out.

    Args:
        latent_dim: number of components.
        width_s: standard deviation of the Gaussian that smooths spikes, in seconds; one value, or
            several to choose from on validation trials.
        penalty: of the regression's squared weights, of standardised components; one or several.
        causal: smooth over past bins alone, with half of the Gaussian.
        seed: of the split into training and validation trials, when none are given.
    """

    cli_name = "pca"

    def __init__(
        self,
        latent_dim: int = 12,
        width_s: Grid = (0.04, 0.02, 0.06, 0.08, 0.12),
        penalty: Grid = PENALTIES,
        *,
        causal: bool = False,
        seed: int = 0,
    ) -> None:
        self.latent_dim, self.width_s, self.penalty = latent_dim, width_s, penalty
        self.causal, self.seed = causal, seed

    def find(self, values: np.ndarray, number: int) -> Factors:
        from sklearn import decomposition

        found = decomposition.PCA(number, svd_solver="full").fit(values)
        noise = max(float(found.noise_variance_), LEAST_NOISE_VAR)
        spread = np.sqrt(np.maximum(found.explained_variance_ - noise, 0.0))
        loadings = found.components_.T * spread
        return Factors(loadings, found.mean_, np.full(len(found.mean_), noise))
