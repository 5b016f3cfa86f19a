"""Bootstrap over trials: resampling as a matrix of weights, and the interval of what comes out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.checks import whole
from undertow.errors import DataError

RESAMPLES = 2000
LEVEL = 0.95


def bootstrap_weights(
    n_trials: int, condition: Any = None, resamples: int = RESAMPLES, seed: int | Sequence[int] = 0
) -> np.ndarray:
    """How much each trial counts in each resample, (resamples, trials).

    The rescaled bootstrap (Rao and Wu 1988, J. Am. Stat. Assoc. 83:231): within each condition of n
    trials, n − 1 are drawn with replacement and each draw counts n/(n − 1). Every resample so holds
    each condition with its weight in the data, and the variance is right with few trials per
    condition too, where n draws out of n give (n − 1)/n of it. Conditions with a single trial are
    resampled together: alone they would never vary.

    Args:
        n_trials: number of trials.
        condition: one label per trial; one stratum when not given.
        resamples: number of resamples.
        seed: of the generator; the same seed gives the same weights, which is what makes
            comparisons paired.

    Raises:
        DataError: when `condition` does not have one label per trial, or `resamples` is below 1.
    """
    whole("resamples", resamples, 1, error=DataError)
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, n_trials))
    for stratum in _strata(n_trials, condition):
        if (n := len(stratum)) > 1:
            # n − 1 draws of weight n/(n − 1) add up to n, and a mean's variance is unbiased
            weights[:, stratum] = rng.multinomial(n - 1, np.full(n, 1 / n), size=resamples) * (
                n / (n - 1)
            )
    return weights


def _strata(n_trials: int, condition: Any) -> list[np.ndarray]:
    """Trial indices of each stratum."""
    labels = np.zeros(n_trials) if condition is None else np.asarray(condition)
    if labels.shape != (n_trials,):
        raise DataError(
            f"condition has shape {labels.shape}: it must have one label for each of {n_trials} "
            "trials."
        )
    _, member, counts = np.unique(labels, return_inverse=True, return_counts=True)
    # −1 is the stratum of all conditions with a single trial
    member = np.where(counts[member] == 1, -1, member)
    return [np.flatnonzero(member == k) for k in np.unique(member)]


def interval(value: float, resampled: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """Central percentile interval of the resampled scores, centred on the score itself.

    It is moved so that the mean of the resampled scores is the score of the trials as they are.

    A resample repeats trials and so holds fewer different ones. A score with a part estimated from
    the trials (the null model of bits per spike, the average over a condition) falls for that
    alone; moving takes it out again.

    Args:
        value: the score of the trials as they are.
        resampled: the scores of the resamples; those that are not finite are left out.
        level: of the interval.

    Returns:
        Lower and upper end; NaN where no resample is finite.
    """
    finite = resampled[np.isfinite(resampled)]
    if not finite.size:
        return float("nan"), float("nan")
    # resamples repeat trials, which biases scores with estimated parts: centring takes that out
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2]) - finite.mean() + value
    return float(low), float(high)
