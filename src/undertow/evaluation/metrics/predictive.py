"""Probability integral transform (PIT) of counts: where each lies in the law predicted for it."""

import numpy as np
from numpy.typing import ArrayLike

from undertow import checks
from undertow.errors import DataError

BARS = 20
NEARLY_POISSON = 1e-7
"""Dispersion below which a negative binomial law is computed as Poisson's, its limit."""


def predictive_pit(
    counts: ArrayLike, means: ArrayLike, dispersion: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The predictive distribution function just below each count, and at it.

    The predictive law is the equal mixture of one Poisson or negative binomial law for each
    posterior sample. Where it is right, a number drawn uniformly between the two is uniform on 0 to
    1 (Czado, Gneiting & Held 2009, Biometrics 65:1254, eq. 1).

    Args:
        counts: observed, any shape; NaN where nothing was.
        means: expected counts of each sample, (samples, …).
        dispersion: α of a negative binomial law of variance μ + αμ², broadcastable to `means`; None
            for Poisson's.

    Returns:
        Two arrays like `counts`, NaN where these are.

    Raises:
        DataError: for shapes that do not fit, or a count or mean that is negative or infinite.
    """
    n, m = np.asarray(counts, np.float64), np.asarray(means, np.float64)
    if m.ndim != n.ndim + 1 or m.shape[1:] != n.shape or not len(m):
        raise DataError(
            f"counts have shape {n.shape} and means {m.shape}: means need one axis more, of "
            "samples, before those of the counts."
        )
    seen = ~np.isnan(n)
    m = np.where(seen, m, 1.0)
    if not (np.isfinite(m).all() and (m >= 0).all() and np.isfinite(n[seen]).all()):
        raise DataError("a mean or a count is negative or not finite: neither can be.")
    if (n[seen] < 0).any():
        raise DataError("a count is negative: it must be 0 or more, or NaN.")
    whole = np.where(seen, n, 0.0)
    low, high = (mixture_cdf(k, m, dispersion) for k in (whole - 1, whole))
    return np.where(seen, low, np.nan), np.where(seen, high, np.nan)


def mixture_cdf(
    counts: np.ndarray, means: np.ndarray, dispersion: ArrayLike | None = None
) -> np.ndarray:
    """Probability of at most so many counts under the mixture; 0 below zero counts."""
    from scipy.special import betainc, pdtr

    k = np.maximum(counts, 0.0)
    below = pdtr(k, means)
    if dispersion is not None:
        alpha = np.broadcast_to(np.asarray(dispersion, np.float64), means.shape)
        wide = alpha > NEARLY_POISSON
        a = np.where(wide, alpha, 1.0)
        # the law of a Poisson count whose rate is gamma-distributed, as a regularised beta function
        below = np.where(wide, betainc(1 / a, k + 1.0, 1 / (1 + a * means)), below)
    mixed: np.ndarray = np.where(counts < 0, 0.0, below.mean(axis=0))
    return mixed


def pit_bars(low: np.ndarray, high: np.ndarray, bars: int = BARS) -> np.ndarray:
    """The part of each count that falls into each of `bars` equal parts of 0 to 1, (…, bars).

    A count is spread evenly from `low` to `high` (the non-randomised histogram of Czado et al.
    2009, eqs 2 and 3), so that no random numbers enter. Zero where there is no count.
    """
    checks.whole("bars", bars, 1, 10_000, error=DataError)
    edges = np.linspace(0, 1, bars + 1)
    width = (high - low)[..., None]
    # a count that the law holds impossible has no width: all of it lies at its place
    spread = (edges - low[..., None]) / np.where(width > 0, width, 1.0)
    reached = np.where(width > 0, spread.clip(0, 1), edges > low[..., None])
    reached[..., 0], reached[..., -1] = 0.0, 1.0
    parts: np.ndarray = np.where(np.isnan(width), 0.0, np.diff(reached, axis=-1))
    return parts
