"""Poisson regression with an L2 penalty, for many neurons at once."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from undertow.evaluation.metrics.arrays import row_blocks
from undertow.memory import blocks

NEWTON_STEPS = 50
CG_STEPS = 40
MAX_LOG_COUNT = 20.0
LARGE = 2**25
"""Designs of more numbers are kept in single precision."""
LARGE_TOLERANCE = 1e-6
NEURON_ENTRIES = 2**21
"""Rows × neurons that are solved side by side."""


@dataclass(frozen=True, eq=False)
class PoissonRegression:
    """Log-linear expected counts: ln μ = x · weights + offset.

    Attributes:
        weights: (features, neurons).
        offset: (neurons,).
    """

    weights: np.ndarray
    offset: np.ndarray

    def log_counts(self, features: np.ndarray) -> np.ndarray:
        """ln μ, (..., features) → (..., neurons).

        It is at most 20, so that the counts stay finite.
        """
        return np.minimum(features @ self.weights + self.offset, MAX_LOG_COUNT)


class PoissonDesign:
    """Rows of features and counts, prepared once for several penalties.

    Features are centred and rotated to their principal axes: there the curvature is nearly
    diagonal, which preconditions the solver, and the L2 penalty is unchanged.

    Designs of more than `LARGE` numbers are kept in single precision, and so are the directions of
    search; gradients, and with them solutions, are in double precision.

    Args:
        features: (rows, features), finite; or blocks of such rows, in order.
        counts: (rows, neurons); NaN rows of a neuron are left out for it.
    """

    def __init__(self, features: np.ndarray | Iterable[np.ndarray], counts: np.ndarray) -> None:
        self.design = _filled([features] if isinstance(features, np.ndarray) else features, counts)
        last = self.design.shape[1] - 1
        self.centre = self.design[:, :last].mean(axis=0, dtype=np.float64)
        # axes only precondition: in large designs a part of the rows shows them well enough
        some = self.design[:: 1 + self.design.size // LARGE, :last] - self.centre
        # a rotation leaves |weights|² as it is, so the penalty is the same in these coordinates
        variance, self.axes = np.linalg.eigh(some.T @ some / len(some))
        for part in row_blocks(self.design):
            self.design[part, :last] = (self.design[part, :last] - self.centre) @ self.axes
        self.curvature = np.append(np.maximum(variance, 0.0), 1.0)
        self.counts = counts
        self.rows = np.maximum((~np.isnan(counts)).sum(axis=0), 1)
        self.spikes = np.nansum(counts, axis=0, dtype=np.float64)
        # half a spike keeps the offset of a neuron that never spiked finite
        self.mean = np.maximum(self.spikes, 0.5) / self.rows

    @property
    def large(self) -> bool:
        """Whether the design is kept in single precision."""
        return self.design.dtype == np.float32

    def fit(
        self, penalty: float, start: PoissonRegression | None = None, tolerance: float = 1e-8
    ) -> PoissonRegression:
        """Minimise, per neuron, (1/n) Σ (μ − y ln μ) + penalty/2 · |weights|² by Newton steps.

        Each step solves the linear system by preconditioned conjugate gradients and is halved until
        the objective falls. It is the objective of scikit-learn's PoissonRegressor. A neuron
        without spikes gets zero weights and the rate of half a spike in all rows.

        Args:
            penalty: α, above zero.
            start: a solution for a nearby penalty.
            tolerance: on the largest entry of the gradient; in large designs at least 1e-6, which
                is far below what so many rows can tell.
        """
        tolerance = max(tolerance, LARGE_TOLERANCE) if self.large else tolerance
        theta = np.concatenate(
            [np.zeros((len(self.centre), len(self.mean))), np.log(self.mean)[None]]
        )
        if start is not None:
            theta = np.concatenate(
                [self.axes.T @ start.weights, (start.offset + self.centre @ start.weights)[None]]
            )
        active = np.flatnonzero(self.spikes > 0)
        # each neuron has a problem of its own: so many are solved side by side as memory allows
        for part in blocks(len(active), len(self.design), NEURON_ENTRIES):
            some = active[part]
            theta[:, some] = _Problem(self, some, penalty).solve(theta[:, some], tolerance)
        weights = self.axes @ theta[:-1]
        return PoissonRegression(weights, theta[-1] - self.centre @ weights)

    def forward(self, theta: np.ndarray) -> np.ndarray:
        """ln μ of all rows, (rows, neurons)."""
        if not self.large:
            return self.design @ theta
        out = np.empty((len(self.design), theta.shape[1]))
        for part in row_blocks(self.design):
            out[part] = self.design[part].astype(np.float64) @ theta
        return out

    def backward(self, values: np.ndarray) -> np.ndarray:
        """Sum over rows of features times values (rows, neurons)."""
        if not self.large:
            return self.design.T @ values
        out = np.zeros((self.design.shape[1], values.shape[1]))
        for part in row_blocks(self.design):
            out += self.design[part].astype(np.float64).T @ values[part]
        return out

    def bend(self, curvature: np.ndarray, search: np.ndarray) -> np.ndarray:
        """The Hessian of the likelihood times a direction; in large designs roughly."""
        if not self.large:
            return self.design.T @ (curvature * (self.design @ search))
        out, single = np.zeros(search.shape), search.astype(np.float32)
        for part in row_blocks(self.design):
            rows = self.design[part]
            out += rows.T @ (curvature[part] * (rows @ single))
        return out


def _filled(parts: Iterable[np.ndarray], counts: np.ndarray) -> np.ndarray:
    """Blocks of features as one array, with ones in its last column for the offset."""
    design, first = np.empty((0, 0)), 0
    for part in parts:
        if not first:
            shape = (len(counts), part.shape[1] + 1)
            dtype = np.float32 if shape[0] * shape[1] > LARGE else np.float64
            design = np.empty(shape, dtype)
            design[:, -1] = 1.0
        design[first : first + len(part), :-1] = part
        first += len(part)
    return design


class _Problem:
    """The convex problem of the neurons in `active`.

    Coordinates are the rotated ones, (features + 1, neurons); the last is the offset.
    """

    def __init__(self, data: PoissonDesign, active: np.ndarray, penalty: float) -> None:
        self.data, counts = data, data.counts[:, active].astype(np.float64)
        observed = ~np.isnan(counts)
        self.share = observed / data.rows[active]
        self.counts = np.where(observed, counts, 0.0)
        # the offset, last, is not penalised
        self.ridge = np.append(np.full(len(data.centre), penalty), 0.0)[:, None]
        # diagonal of the Hessian at the mean rate, in the coordinates that nearly diagonalise it
        self.preconditioner = data.curvature[:, None] * data.mean[active] + self.ridge

    def solve(self, theta: np.ndarray, tolerance: float) -> np.ndarray:
        eta = self.data.forward(theta)
        for _ in range(NEWTON_STEPS):
            curvature = self.share * np.exp(np.minimum(eta, MAX_LOG_COUNT))
            pull = self.data.backward(curvature - self.share * self.counts)
            gradient = pull + self.ridge * theta
            largest = np.abs(gradient).max(initial=0.0)
            if largest < tolerance:
                break
            direction = self._newton_direction(curvature, gradient, tolerance)
            theta, eta = self._line_search(theta, eta, direction, gradient)
        return theta

    def _newton_direction(
        self, curvature: np.ndarray, gradient: np.ndarray, tolerance: float
    ) -> np.ndarray:
        """−H⁻¹ g by conjugate gradients, all neurons side by side.

        The smaller the gradient, the more exact the solution.
        """
        if self.data.large:
            curvature = curvature.astype(np.float32)
        residual, direction = -gradient, np.zeros_like(gradient)
        size = np.linalg.norm(gradient, axis=0)
        # inexact Newton: coarse far from the minimum, finer near it, down to a tenth of `tolerance`
        goal = np.maximum(np.minimum(0.3, np.sqrt(size)) * size, 0.1 * tolerance)
        z = residual / self.preconditioner
        search, product = z, np.sum(residual * z, axis=0)
        for _ in range(CG_STEPS):
            if (np.linalg.norm(residual, axis=0) <= goal).all():
                break
            image = self.data.bend(curvature, search) + self.ridge * search
            bend = np.sum(search * image, axis=0)
            step = product / np.where(bend > 0, bend, np.inf)
            direction, residual = direction + step * search, residual - step * image
            z = residual / self.preconditioner
            before, product = product, np.sum(residual * z, axis=0)
            search = z + product / np.where(before > 0, before, np.inf) * search
        return direction

    def _line_search(
        self, theta: np.ndarray, eta: np.ndarray, direction: np.ndarray, gradient: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take the step, halved neuron by neuron until the objective falls enough.

        A neuron whose objective never falls stays where it is.
        """
        along, slope = self.data.forward(direction), np.sum(direction * gradient, axis=0)
        here = self._objective(theta, eta)
        step = np.ones(theta.shape[1])
        for _ in range(30):
            new_theta, new_eta = theta + step * direction, eta + step * along
            enough = self._objective(
                new_theta, new_eta
            ) <= here + 1e-4 * step * slope + 1e-14 * np.abs(here)
            if enough.all():
                return new_theta, new_eta
            step = np.where(enough, step, 0.5 * step)
        step = np.where(enough, step, 0.0)
        return theta + step * direction, eta + step * along

    def _objective(self, theta: np.ndarray, eta: np.ndarray) -> np.ndarray:
        loss = self.share * (np.exp(np.minimum(eta, 2 * MAX_LOG_COUNT)) - self.counts * eta)
        return loss.sum(axis=0) + 0.5 * np.sum(self.ridge * theta**2, axis=0)
