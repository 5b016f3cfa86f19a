"""Linear readouts at their optimum: regressions with a penalty chosen by leaving out trials.

All are solved in double precision on features of zero mean and unit variance; offsets are not
penalised.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FOLDS, ITERATIONS = 4, 8
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
"""On the squared weights of least squares, times the number of rows."""
FEW_PENALTIES = (1e-3, 1e-1, 10.0)
"""Of regressions that take many steps."""
LEAST_STD, LARGEST_LOG = 1e-6, 15.0


@dataclass(frozen=True)
class Rows:
    """Rows of a regression.

    Attributes:
        x: (rows, features).
        y: what is regressed, (rows,) or (rows, outputs).
        trial: the trial each row is of, (rows,).
    """

    x: Tensor
    y: Tensor
    trial: Tensor

    def take(self, chosen: Tensor) -> "Rows":
        """Select some of the rows by a mask."""
        return Rows(self.x[chosen], self.y[chosen], self.trial[chosen])


Fit = Callable[[Rows, float], Tensor]
"""Fits weights, (features + 1, outputs), the offset last, under a penalty on Σ weights²."""
Loss = Callable[[Tensor, Rows], Tensor]
"""Sums the loss of weights over rows."""


def rows_of(features: Tensor, observed: Tensor) -> Rows:
    """Collect the rows where something was observed.

    Args:
        features: (trials, …, features).
        observed: (trials, …), NaN where missing.
    """
    known = observed.isfinite()
    index = torch.arange(len(features), device=features.device)
    trial = index.view(-1, *[1] * (observed.ndim - 1)).expand(observed.shape)
    return Rows(features[known].double(), observed[known].double(), trial[known])


def ridge(features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares, channel by channel: weight (channels, features) and bias (channels,).

    Args:
        features: (trials, time, features).
        observed: (trials, time, channels), NaN where missing.
    """
    return _by_channel(features, observed, _ridge, _squares, PENALTIES)


def log_variance(features: Tensor, squares: Tensor, floor: float) -> tuple[Tensor, Tensor]:
    """Variance of a Gaussian, v = exp(w x + a) + floor, from squared errors r².

    It minimises Σ ½ (r² / v + log v): a weight (channels, features) and a bias (channels,).

    Args:
        features: (trials, time, features).
        squares: r², (trials, time, channels), NaN where missing.
        floor: the least variance, above zero.
    """

    def fit(rows: Rows, penalty: float) -> Tensor:
        return _variance(rows, penalty, floor)

    def loss(weights: Tensor, rows: Rows) -> Tensor:
        variance = _above_floor(_with_offset(rows.x), weights) + floor
        return 0.5 * (rows.y / variance + variance.log()).sum()

    return _by_channel(features, squares, fit, loss, FEW_PENALTIES)


def softmax_regression(
    features: Tensor, codes: Tensor, n_categories: int
) -> tuple[Tensor, Tensor] | None:
    """Multinomial regression: weight (categories, features) and bias (categories,).

    None where nothing was observed.

    Args:
        features: (trials, …, features).
        codes: numbers of categories, (trials, …), NaN where missing.
        n_categories: how many there are.
    """
    rows = rows_of(features, codes)
    if not len(rows.y):
        return None
    shares = F.one_hot(rows.y.long(), n_categories).double()
    found = _regress(Rows(rows.x, shares, rows.trial), _softmax, _softmax_loss, FEW_PENALTIES)
    return _as_weights(found, features)


def _by_channel(
    features: Tensor, observed: Tensor, fit: Fit, loss: Loss, penalties: Sequence[float]
) -> tuple[Tensor, Tensor]:
    columns = []
    for channel in observed.unbind(-1):
        rows = rows_of(features, channel)
        if len(rows.y):
            columns.append(_regress(rows, fit, loss, penalties)[:, 0])
        else:
            columns.append(features.new_zeros(features.shape[-1] + 1).double())
    return _as_weights(torch.stack(columns, 1), features)


def _as_weights(found: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    return found[:-1].T.to(like.dtype), found[-1].to(like.dtype)


def _regress(rows: Rows, fit: Fit, loss: Loss, penalties: Sequence[float]) -> Tensor:
    """Fit with the penalty that predicts left-out trials best; the features may have any scale."""
    rows = rows if rows.y.ndim == 2 else Rows(rows.x, rows.y[:, None], rows.trial)
    mean, std = rows.x.mean(0), rows.x.std(0, correction=0).clamp(min=LEAST_STD)
    scaled = Rows((rows.x - mean) / std, rows.y, rows.trial)
    losses = dict.fromkeys(penalties, 0.0)
    for seen, left in _folds(scaled):
        for penalty in penalties:
            losses[penalty] += float(loss(fit(seen, penalty), left))
    # the strongest where nothing could be left out: all losses are equal then
    best = min(reversed(penalties), key=losses.__getitem__)
    found = fit(scaled, best)
    weight = found[:-1] / std[:, None]
    return torch.cat([weight, found[-1:] - mean @ weight])


def _folds(rows: Rows) -> Iterator[tuple[Rows, Rows]]:
    """Leave out every fourth trial in turn; none where there are too few trials to do so."""
    present = rows.trial.unique()
    if len(present) < 2 * FOLDS:
        return
    place = torch.searchsorted(present, rows.trial) % FOLDS
    for fold in range(FOLDS):
        yield rows.take(place != fold), rows.take(place == fold)


def _with_offset(x: Tensor) -> Tensor:
    return F.pad(x, (0, 1), value=1.0)


def _penalty(x: Tensor, penalty: float) -> Tensor:
    """Diagonal of the penalty's curvature, (features + 1,): none on the offset."""
    return F.pad(x.new_full((x.shape[1],), penalty * len(x)), (0, 1), value=1e-9 * len(x))


def _ridge(rows: Rows, penalty: float) -> Tensor:
    x = _with_offset(rows.x)
    curvature = x.T @ x + _penalty(rows.x, penalty).diag()
    return torch.linalg.solve(curvature, x.T @ rows.y)


def _squares(weights: Tensor, rows: Rows) -> Tensor:
    return (rows.y - _with_offset(rows.x) @ weights).square().sum()


def _variance(rows: Rows, penalty: float, floor: float) -> Tensor:
    """Fisher scoring."""
    x, held = _with_offset(rows.x), _penalty(rows.x, penalty)
    weights = x.new_zeros(x.shape[1], 1)
    weights[-1] = (rows.y.mean() - floor).clamp(min=floor).log()
    for _ in range(ITERATIONS):
        above = _above_floor(x, weights)
        variance = above + floor
        share = above / variance
        # an error far beyond its variance would throw the step beyond where it holds
        slope = x.T @ (0.5 * share * (1 - (rows.y / variance).clamp(max=10.0)))
        curvature = 0.5 * x.T @ (share.square() * x) + held.diag()
        weights = weights - torch.linalg.solve(curvature, slope + held[:, None] * weights)
    return weights


def _above_floor(x: Tensor, weights: Tensor) -> Tensor:
    return (x @ weights).clamp(-LARGEST_LOG, LARGEST_LOG).exp()


def _softmax(rows: Rows, penalty: float) -> Tensor:
    """Steps under Böhning's bound on the curvature, ½ (I − 11ᵀ/K) ⊗ XᵀX: each lowers the loss."""
    x, held = _with_offset(rows.x), _penalty(rows.x, penalty)
    n_categories = rows.y.shape[1]
    weights = x.new_zeros(x.shape[1], n_categories)
    weights[-1] = rows.y.mean(0).clamp(min=1e-3).log()
    curvature = 0.5 * x.T @ x + held.diag()
    for _ in range(4 * ITERATIONS):
        slope = x.T @ (torch.softmax(x @ weights, 1) - rows.y) + held[:, None] * weights
        weights = weights - torch.linalg.solve(curvature, slope)
    return weights


def _softmax_loss(weights: Tensor, rows: Rows) -> Tensor:
    logits = _with_offset(rows.x) @ weights
    return -(rows.y * torch.log_softmax(logits, 1)).sum()
