"""Poisson regression with an L2 penalty, for many neurons at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

NEWTON_STEPS = 50
CG_STEPS = 40
MAX_LOG_COUNT = 20.0


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

    Args:
        features: (rows, features), finite.
        counts: (rows, neurons); NaN rows of a neuron are left out for it.
    """

    def __init__(self, features: np.ndarray, counts: np.ndarray) -> None:
        self.centre = features.mean(axis=0)
        centred = features - self.centre
        # a rotation leaves |weights|² as it is, so the penalty is the same in these coordinates
        variance, self.axes = np.linalg.eigh(centred.T @ centred / len(centred))
        self.design = np.concatenate([centred @ self.axes, np.ones((len(centred), 1))], axis=1)
        self.curvature = np.append(np.maximum(variance, 0.0), 1.0)
        self.observed = ~np.isnan(counts)
        self.counts = np.where(self.observed, counts, 0.0)
        self.rows = np.maximum(self.observed.sum(axis=0), 1)
        # half a spike keeps the offset of a neuron that never spiked finite
        self.mean = np.maximum(self.counts.sum(axis=0), 0.5) / self.rows

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
            tolerance: on the largest entry of the gradient.
        """
        theta = np.concatenate(
            [np.zeros((len(self.centre), len(self.mean))), np.log(self.mean)[None]]
        )
        if start is not None:
            theta = np.concatenate(
                [self.axes.T @ start.weights, (start.offset + self.centre @ start.weights)[None]]
            )
        active = self.counts.sum(axis=0) > 0
        theta[:, active] = _Problem(self, active, penalty).solve(theta[:, active], tolerance)
        weights = self.axes @ theta[:-1]
        return PoissonRegression(weights, theta[-1] - self.centre @ weights)


class _Problem:
    """The convex problem of the neurons in `active`.

    Coordinates are the rotated ones, (features + 1, neurons); the last is the offset.
    """

    def __init__(self, data: PoissonDesign, active: np.ndarray, penalty: float) -> None:
        self.design = data.design
        self.share = data.observed[:, active] / data.rows[active]
        self.counts = data.counts[:, active]
        # the offset, last, is not penalised
        self.ridge = np.append(np.full(len(data.centre), penalty), 0.0)[:, None]
        # diagonal of the Hessian at the mean rate, in the coordinates that nearly diagonalise it
        self.preconditioner = data.curvature[:, None] * data.mean[active] + self.ridge

    def solve(self, theta: np.ndarray, tolerance: float) -> np.ndarray:
        eta = self.design @ theta
        for _ in range(NEWTON_STEPS):
            curvature = self.share * np.exp(np.minimum(eta, MAX_LOG_COUNT))
            gradient = self.design.T @ (curvature - self.share * self.counts) + self.ridge * theta
            largest = np.abs(gradient).max(initial=0.0)
            if largest < tolerance:
                break
            bend = partial(self._bend, curvature)
            direction = newton_direction(bend, gradient, self.preconditioner, tolerance)
            theta, eta = self._line_search(theta, eta, direction, gradient)
        return theta

    def _bend(self, curvature: np.ndarray, search: np.ndarray) -> np.ndarray:
        """The Hessian times a direction."""
        image: np.ndarray = self.design.T @ (curvature * (self.design @ search))
        return image + self.ridge * search

    def _line_search(
        self, theta: np.ndarray, eta: np.ndarray, direction: np.ndarray, gradient: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Take the step, halved neuron by neuron until the objective falls enough.

        A neuron whose objective never falls stays where it is.
        """
        along, slope = self.design @ direction, np.sum(direction * gradient, axis=0)
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


def newton_direction(
    bend: Callable[[np.ndarray], np.ndarray],
    gradient: np.ndarray,
    preconditioner: np.ndarray,
    tolerance: float,
) -> np.ndarray:
    """−H⁻¹ g by preconditioned conjugate gradients, all neurons side by side.

    The smaller the gradient, the more exact the solution.

    Args:
        bend: multiplies the Hessian by a direction.
        gradient: g, (coordinates, neurons).
        preconditioner: the diagonal of a matrix near the Hessian, shaped like g.
        tolerance: of the problem, on the largest entry of the gradient.
    """
    residual, direction = -gradient, np.zeros_like(gradient)
    size = np.linalg.norm(gradient, axis=0)
    # inexact Newton: coarse far from the minimum, finer near it, down to a tenth of `tolerance`
    goal = np.maximum(np.minimum(0.3, np.sqrt(size)) * size, 0.1 * tolerance)
    z = residual / preconditioner
    search, product = z, np.sum(residual * z, axis=0)
    for _ in range(CG_STEPS):
        if (np.linalg.norm(residual, axis=0) <= goal).all():
            break
        image = bend(search)
        curvature = np.sum(search * image, axis=0)
        step = product / np.where(curvature > 0, curvature, np.inf)
        direction, residual = direction + step * search, residual - step * image
        z = residual / preconditioner
        before, product = product, np.sum(residual * z, axis=0)
        search = z + product / np.where(before > 0, before, np.inf) * search
    return direction
