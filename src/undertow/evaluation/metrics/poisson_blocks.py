"""Poisson regression of many rows on many features: the same solution, block by block of rows.

The design is kept in single precision and everything else is made anew for a block of rows, so
that beside it only the curvature is held. Sums over rows are in double precision.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from undertow.evaluation.metrics.poisson_regression import (
    MAX_LOG_COUNT,
    NEWTON_STEPS,
    PoissonRegression,
    newton_direction,
)
from undertow.memory import blocks

SINGLE = 4
LARGE = 2**22
"""Rows × features from which on a design is worked through in blocks."""
ROWS_AT_FIRST = 20_000
"""Rows that a solution is first found on, evenly spaced; on all rows it then takes few steps."""
TOLERANCE = 1e-5
"""Of the gradient at least: far below what so many rows can tell, above what rounding leaves."""
HALVINGS, NOISE, NEAR = 20, 1e-6, 1e-4


class _Point(NamedTuple):
    """The objective of each neuron at some parameters, and its gradient."""

    theta: np.ndarray
    loss: np.ndarray
    gradient: np.ndarray


class BlockedPoissonDesign:
    """As `PoissonDesign`, for designs of more than `LARGE` numbers.

    Args:
        features: blocks of rows, (rows, features), finite, in order.
        counts: (rows, neurons); NaN rows of a neuron are left out for it.
    """

    def __init__(self, features: Iterable[np.ndarray], counts: np.ndarray) -> None:
        self.design = _filled(features, len(counts))
        last = self.design.shape[1] - 1
        self.centre = self.design[:, :last].mean(axis=0, dtype=np.float64)
        # any turned axes would do: those of some rows precondition nearly as well as those of all
        some = self.design[:: 1 + len(counts) // ROWS_AT_FIRST, :last] - self.centre
        variance, axes = np.linalg.eigh(some.T @ some / len(some))
        # what is subtracted and turned by is known exactly: the way back undoes just that
        axes, centre = axes.astype(np.float32), self.centre.astype(np.float32)
        self.axes, self.centre = axes.astype(np.float64), centre.astype(np.float64)
        for part in blocks(len(self.design), SINGLE * last):
            self.design[part, :last] = (self.design[part, :last] - centre) @ axes
        self.curvature = np.append(np.maximum(variance, 0.0), 1.0)
        self.counts = compact(counts)
        missing = np.isnan(self.counts).sum(axis=0) if self.counts.dtype.kind == "f" else 0
        self.rows = np.maximum(len(counts) - missing, 1) * np.ones(counts.shape[1], int)
        self.spikes = np.nansum(self.counts, axis=0, dtype=np.float64)
        self.mean = np.maximum(self.spikes, 0.5) / self.rows

    def fit(
        self, penalty: float, start: PoissonRegression | None = None, tolerance: float = TOLERANCE
    ) -> PoissonRegression:
        """The solution of `PoissonDesign.fit`, to `TOLERANCE` at best."""
        n_features = len(self.centre)
        theta = np.concatenate([np.zeros((n_features, len(self.mean))), np.log(self.mean)[None]])
        if start is not None:
            offset = start.offset + self.centre @ start.weights
            theta = np.concatenate([self.axes.T @ start.weights, offset[None]])
        active = np.flatnonzero(self.spikes > 0)
        every = len(self.design) // ROWS_AT_FIRST
        for step in (every, 1) if start is None and every > 1 else (1,):
            problem = _Blocked(self, active, penalty, step)
            theta[:, active] = problem.solve(theta[:, active], max(tolerance, TOLERANCE))
        weights = self.axes @ theta[:-1]
        return PoissonRegression(weights, theta[-1] - self.centre @ weights)


class _Blocked:
    """The problem of the neurons in `active` on every so manieth row.

    Coordinates are the rotated ones, (features + 1, neurons); the last is the offset.
    """

    def __init__(
        self, data: BlockedPoissonDesign, active: np.ndarray, penalty: float, every: int
    ) -> None:
        self.design = np.ascontiguousarray(data.design[::every])
        counts = data.counts[::every]
        self.counts = counts if len(active) == counts.shape[1] else counts[:, active]
        self.rows = data.rows[active] / every
        self.ridge = np.append(np.full(len(data.centre), penalty), 0.0)[:, None]
        # μ of each row at the point that was looked at last
        self.expected = np.empty((len(self.design), len(active)), np.float32)
        self.preconditioner = data.curvature[:, None] * data.mean[active] + self.ridge

    def solve(self, theta: np.ndarray, tolerance: float) -> np.ndarray:
        here, before = self._at(theta), np.inf
        for _ in range(NEWTON_STEPS):
            largest = np.abs(here.gradient).max(initial=0.0)
            # where single precision ends, the gradient no longer falls
            if largest < tolerance or (largest < NEAR and largest > 0.5 * before):
                break
            given = here.gradient, self.preconditioner, tolerance
            here, before = self._search(here, newton_direction(self._bend, *given)), largest
        return here.theta

    def _at(self, theta: np.ndarray) -> _Point:
        single, loss, gradient = theta.astype(np.float32), np.zeros(theta.shape[1]), 0.0 * theta
        for part in self._parts():
            rows, counts = self.design[part], self.counts[part].astype(np.float32)
            log_mean = np.minimum(rows @ single, np.float32(MAX_LOG_COUNT))
            mu = np.exp(log_mean)
            if self.counts.dtype.kind == "f":
                missing = np.isnan(counts)
                mu[missing], counts[missing] = 0.0, 0.0
            loss += np.sum(mu - counts * log_mean, axis=0, dtype=np.float64)
            gradient += rows.T @ (mu - counts)
            self.expected[part] = mu
        loss = loss / self.rows + 0.5 * np.sum(self.ridge * theta**2, axis=0)
        return _Point(theta, loss, gradient / self.rows + self.ridge * theta)

    def _bend(self, search: np.ndarray) -> np.ndarray:
        """The Hessian, where the objective was looked at last, times a direction."""
        out, single = np.zeros(search.shape), search.astype(np.float32)
        for part in self._parts():
            rows = self.design[part]
            out += rows.T @ (self.expected[part] * (rows @ single))
        return out / self.rows + self.ridge * search

    def _search(self, here: _Point, direction: np.ndarray) -> _Point:
        """The step, halved neuron by neuron until the objective falls enough.

        A neuron whose objective never falls stays where it is.
        """
        slope, step = np.sum(direction * here.gradient, axis=0), np.ones(direction.shape[1])
        theta = here.theta
        for _ in range(HALVINGS):
            there = self._at(theta + step * direction)
            allowed = here.loss + 1e-4 * step * slope + NOISE * np.abs(here.loss)
            if (enough := there.loss <= allowed).all():
                return there
            step = np.where(enough, step, 0.5 * step)
        return self._at(theta + np.where(enough, step, 0.0) * direction)

    def _parts(self) -> Iterable[slice]:
        widest = self.design.shape[1] + 4 * self.counts.shape[1]
        return blocks(len(self.design), SINGLE * widest)


def _filled(parts: Iterable[np.ndarray], n_rows: int) -> np.ndarray:
    """Blocks of features as one array, with ones in its last column for the offset."""
    design, first = np.empty((0, 0), np.float32), 0
    for part in parts:
        if not design.size:
            design = np.empty((n_rows, part.shape[1] + 1), np.float32)
            design[:, -1] = 1.0
        design[first : first + len(part), :-1] = part
        first += len(part)
    return design


def compact(*parts: np.ndarray) -> np.ndarray:
    """Counts one below the other, in a byte each where all are there and none is large."""
    one = [part.max(initial=0) < 256 for part in parts]  # NaN is not below it
    fitting = [
        part.astype(np.uint8 if fits else np.float32, copy=False)
        for part, fits in zip(parts, one, strict=True)
    ]
    return fitting[0] if len(fitting) == 1 else np.concatenate(fitting)
