"""Ridge regression from sums over blocks of rows: the rows themselves are never held together.

Solutions and choices are those of scikit-learn's `Ridge`, `GridSearchCV` and `RidgeCV`, to
rounding.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.errors import DataError
from undertow.evaluation.metrics.rates import average_r2

FOLDS = 5
LEAST_FREEDOM = 1e-12
Rows = Callable[[], Iterator[tuple[np.ndarray, np.ndarray]]]
"""Makes a new iterator over blocks of rows: features (rows, K) and targets (rows, C)."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted regression: y = x · weights + offset.

    Attributes:
        weights: (K, C).
        offset: (C,).
        alpha: the penalty on Σ weights².
    """

    weights: np.ndarray
    offset: np.ndarray
    alpha: float


@dataclass(eq=False)
class _Sums:
    """Sums over rows of features and targets, both less a constant."""

    n: int
    x: np.ndarray
    y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray

    @classmethod
    def empty(cls, n_features: int, n_targets: int) -> "_Sums":
        zeros = np.zeros
        square, cross = zeros((n_features, n_features)), zeros((n_features, n_targets))
        return cls(0, zeros(n_features), zeros(n_targets), square, cross, zeros(n_targets))

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        self.n += len(x)
        self.x += x.sum(axis=0)
        self.y += y.sum(axis=0)
        self.xx += x.T @ x
        self.xy += x.T @ y
        self.yy += (y**2).sum(axis=0)

    def about(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Σ xxᵀ, Σ xyᵀ and Σ y² about other constants."""
        half = np.outer(self.x - 0.5 * self.n * x, x)
        xx = self.xx - half - half.T
        xy = self.xy - np.outer(self.x, y) - np.outer(x, self.y - self.n * y)
        return xx, xy, self.yy - 2 * y * self.y + self.n * y**2

    @property
    def means(self) -> tuple[np.ndarray, np.ndarray]:
        return self.x / self.n, self.y / self.n


def _together(parts: Sequence[_Sums]) -> _Sums:
    whole = _Sums.empty(*parts[0].xy.shape)
    for part in parts:
        whole.n += part.n
        for name in ("x", "y", "xx", "xy", "yy"):
            getattr(whole, name).__iadd__(getattr(part, name))
    return whole


def ridge_by_folds(rows: Rows, n_rows: int, alphas: np.ndarray) -> Ridge:
    """Fit with the α whose mean R² over 5 unshuffled folds is best, the first of equals.

    R² is averaged over targets.

    Args:
        rows: the rows, in order.
        n_rows: how many there are in all, 5 or more.
        alphas: to choose from, above zero.
    """
    centre = _means(rows)
    folds, edges = _by_fold(rows, n_rows, centre), range(len(alphas))
    score = np.zeros(len(alphas))
    for k, left in enumerate(folds):
        train = _together([fold for i, fold in enumerate(folds) if i != k])
        score += [_fold_r2(train, left, alphas[i]) for i in edges]
    # one row has no variance to explain: with such folds nothing is chosen
    best = int(score.argmax()) if n_rows >= 2 * FOLDS else 0
    return _solution(_together(folds), centre, float(alphas[best]))


def ridge_left_one_out(rows: Rows, alphas: np.ndarray) -> Ridge:
    """Fit with the α under which rows are predicted best by fits on all others.

    That is the mean squared error over rows and targets, from one decomposition: the error of row i
    without it is eᵢ/(1 − hᵢ), h the diagonal of the hat matrix.
    """
    centre = _means(rows)
    sums: _Sums | None = None
    for x, y in rows():
        sums = sums or _Sums.empty(x.shape[1], y.shape[1])
        sums.add(x - centre[0], y - centre[1])
    assert sums is not None
    mean_x, mean_y = sums.means
    xx, xy, _ = sums.about(mean_x, mean_y)
    values, axes = np.linalg.eigh(xx)
    shrunk = 1.0 / (np.maximum(values, 0.0)[:, None] + alphas)  # (K, alphas)
    along = axes.T @ xy
    weights = [along * shrunk[:, [i]] for i in range(len(alphas))]
    loss = np.zeros(len(alphas))
    for x, y in rows():
        turned, target = (x - centre[0] - mean_x) @ axes, y - centre[1] - mean_y
        free = np.maximum(1.0 - 1.0 / sums.n - turned**2 @ shrunk, LEAST_FREEDOM)
        for i, weight in enumerate(weights):
            loss[i] += np.sum(((target - turned @ weight) / free[:, [i]]) ** 2)
    best = int(loss.argmin())
    fitted = axes @ weights[best]
    offset = centre[1] + mean_y - (centre[0] + mean_x) @ fitted
    return Ridge(fitted, offset, float(alphas[best]))


def _means(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Means of features and targets: subtracted first, they keep the sums accurate."""
    n, total_x, total_y = 0, np.zeros(0), np.zeros(0)
    for x, y in rows():
        total_x = x.sum(axis=0) + (total_x if n else 0.0)
        total_y = y.sum(axis=0) + (total_y if n else 0.0)
        n += len(x)
    return total_x / n, total_y / n


def _by_fold(rows: Rows, n_rows: int, centre: tuple[np.ndarray, np.ndarray]) -> list[_Sums]:
    """Sums of each fold; folds are consecutive rows, the first n % 5 of them one row longer."""
    sizes = n_rows // FOLDS + (np.arange(FOLDS) < n_rows % FOLDS)
    ends, first = np.cumsum(sizes), 0
    folds = [_Sums.empty(len(centre[0]), len(centre[1])) for _ in range(FOLDS)]
    for x, y in rows():
        x, y = x - centre[0], y - centre[1]
        cuts = np.clip(np.append(0, ends) - first, 0, len(x))
        for fold, start, stop in zip(folds, cuts, cuts[1:], strict=False):
            if stop > start:
                fold.add(x[start:stop], y[start:stop])
        first += len(x)
    return folds


def _fold_r2(train: _Sums, left: _Sums, alpha: float) -> float:
    """R² on the rows left out, averaged over targets."""
    mean_x, mean_y = train.means
    weights = _weights(train, alpha)
    xx, xy, yy = left.about(mean_x, mean_y)
    residual = yy - 2 * np.sum(weights * xy, axis=0) + np.sum(weights * (xx @ weights), axis=0)
    total = left.yy - left.y**2 / left.n
    return float(average_r2(np.maximum(residual, 0.0), np.maximum(total, 0.0)))


def _weights(sums: _Sums, alpha: float) -> np.ndarray:
    from scipy.linalg import solve

    xx, xy, _ = sums.about(*sums.means)
    xx.flat[:: len(xx) + 1] += alpha
    try:
        return np.asarray(solve(xx, xy, assume_a="pos", overwrite_a=True))
    except ValueError:  # singular in this precision, or infinite
        raise DataError(
            "the decoder cannot be solved: some rates are so large that no digit of what tells "
            "them apart is left; look for neurons whose rates are far too high."
        ) from None


def _solution(sums: _Sums, centre: tuple[np.ndarray, np.ndarray], alpha: float) -> Ridge:
    weights, (mean_x, mean_y) = _weights(sums, alpha), sums.means
    return Ridge(weights, centre[1] + mean_y - (centre[0] + mean_x) @ weights, alpha)
