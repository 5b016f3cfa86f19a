"""The floor that rates are raised to before their logarithm is decoded: chosen in training."""

import numpy as np

from undertow.evaluation.metrics.arrays import ZERO_RATE, row_blocks
from undertow.evaluation.metrics.rates import average_r2
from undertow.evaluation.metrics.velocity import LOG_RATE_ALPHAS

FLOORS_HZ = (0.1, 0.5, 1.0, 2.0, 5.0)
FOLDS, MOST_ROWS = 5, 20_000


def chosen_floor(
    rates: np.ndarray, velocity: np.ndarray, lag_bins: int, bin_s: float, per_second: bool = False
) -> float:
    """The floor, in spikes/s, under which velocity is decoded best in trials not fitted on.

    One of 0.1, 0.5, 1, 2 and 5 spikes/s, for every model alike; of equal ones the least. Ridge
    regression in five folds of whole trials (of bins where there are fewer trials), penalty chosen
    with the floor; the R² averaged over channels decides. Above 20,000 bins every k-th trial is
    taken. From the sums of each fold alone.

    Args:
        rates: of the training trials, expected spikes per bin, (trials, time, neurons).
        velocity: of these, (trials, time, channels), NaN in all channels where missing.
        lag_bins: by how many bins velocity follows rates.
        bin_s: bin width in seconds.
        per_second: whether rates are in spikes/s instead.
    """
    rates, velocity = _fewer(rates[:, : rates.shape[1] - lag_bins], velocity[:, lag_bins:])
    known = np.isfinite(velocity[..., 0]) & np.isfinite(rates).all(axis=-1)
    fold = np.broadcast_to(np.arange(len(rates))[:, None] % FOLDS, known.shape)[known]
    if len(np.unique(fold)) < 2:
        fold = np.arange(known.sum()) % FOLDS
    rows, target = rates[known], velocity[known]
    if per_second:
        rows *= bin_s  # a copy of the rates of these bins alone
    if len(rows) < 2:
        return FLOORS_HZ[0]
    scores = [_score(rows, target, fold, max(floor * bin_s, ZERO_RATE)) for floor in FLOORS_HZ]
    return FLOORS_HZ[int(np.argmax(scores))]


def _fewer(rates: np.ndarray, velocity: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every k-th trial, so that about as many bins as are enough are left."""
    step = max(1, round(velocity.shape[0] * velocity.shape[1] / MOST_ROWS))
    return rates[::step], velocity[::step]


def _score(rows: np.ndarray, target: np.ndarray, fold: np.ndarray, floor: float) -> float:
    """The best R² over penalties, of all folds together, each predicted from the others."""
    sums = _FoldSums(rows, floor, target, fold)
    residual = sum(sums.residuals(k) for k in range(len(sums.products)))
    total = np.square(target - target.mean(axis=0)).sum(axis=0)
    return float(np.max([average_r2(each, total) for each in np.asarray(residual)]))


def _logs(rates: np.ndarray, floor: float) -> np.ndarray:
    logs: np.ndarray = np.log(np.maximum(rates.astype(np.float64), floor))
    return logs


class _FoldSums:
    """Second moments of features and targets in each fold: all that ridge regression needs."""

    def __init__(
        self, rows: np.ndarray, floor: float, target: np.ndarray, fold: np.ndarray
    ) -> None:
        parts, self.width = list(row_blocks(rows)), rows.shape[1]
        # about the mean of all: differences of large sums would lose digits
        mean = sum(_logs(rows[part], floor).sum(axis=0) for part in parts) / len(rows)
        size, folds = self.width + target.shape[1] + 1, np.unique(fold)
        self.products = [np.zeros((size, size)) for _ in folds]
        for part in parts:
            features, aim = _logs(rows[part], floor) - mean, target[part] - target.mean(0)
            joined = np.hstack([features, aim, np.ones((len(aim), 1))])
            for product, k in zip(self.products, folds, strict=True):
                mine = joined[fold[part] == k]
                product += mine.T @ mine

    def residuals(self, k: int) -> np.ndarray:
        """Squared errors of fold k under each penalty, (penalties, channels)."""
        others = sum(each for j, each in enumerate(self.products) if j != k)
        assert isinstance(others, np.ndarray)
        n = others[-1, -1]
        mean = others[-1, :-1] / n
        about_mean = others[:-1, :-1] - n * np.outer(mean, mean)
        eigenvalues, vectors = np.linalg.eigh(about_mean[: self.width, : self.width])
        turned = vectors.T @ about_mean[: self.width, self.width :]
        found = []
        for alpha in LOG_RATE_ALPHAS:
            weights = vectors @ (turned / (np.maximum(eigenvalues, 0.0) + alpha)[:, None])
            found.append(self._errors(k, weights, mean))
        return np.array(found)

    def _errors(self, k: int, weights: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Σ (target − prediction)² over the bins of fold k, (channels,)."""
        n_channels = weights.shape[1]
        offset = mean[self.width :] - mean[: self.width] @ weights
        # target − prediction is linear in (features, target, 1)
        error = np.vstack([-weights, np.eye(n_channels), -offset])
        errors: np.ndarray = np.einsum("fc,fg,gc->c", error, self.products[k], error, optimize=True)
        return errors
