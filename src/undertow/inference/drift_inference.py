"""Inference of a Gaussian-process drift from uncertain paths, and of paths under such a drift.

A path on bins of h of internal time steps by x' = x + h (f(x) + B u) + √h σ η (Euler–Maruyama), and
the drift is linear in the weights of `SwitchingGP`: f_d(x) + B_d u = a(x, u)ᵀ w_d + a remainder of
variance r(x).
"""

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from undertow.dynamics.sigma_points import sigma_points
from undertow.dynamics.switching_gp import SwitchingGP
from undertow.inference.gaussian_chain import Moments


@dataclass(frozen=True)
class Steps:
    """Steps x → x' of a Gaussian law of paths, at the points of a quadrature over x.

    Attributes:
        state: states at the step's start, (…, points, dim).
        move: expected x' − x given each of these, (…, points, dim).
        move_square: E (x' − x)² of each coordinate, exact, (…, dim).
        weights: of the points, (points,).
        inputs: u over the step, (…, 1, inputs); None where nothing drives the dynamics.
    """

    state: Tensor
    move: Tensor
    move_square: Tensor
    weights: Tensor
    inputs: Tensor | None = None

    @classmethod
    def of(cls, mean: Tensor, cov: Tensor, lag: Tensor, inputs: Tensor | None = None) -> "Steps":
        """Steps of a law of paths, one fewer than bins.

        Args:
            mean, cov, lag: see `Moments`; (…, bins, dim), …
            inputs: u of each bin, (…, bins, inputs).
        """
        points, weights = sigma_points(mean.shape[-1], mean)
        factor, failed = torch.linalg.cholesky_ex(cov[..., :-1, :, :])
        factor = factor.masked_fill(failed[..., None, None] > 0, torch.nan)  # the step is not taken
        # E[x' − x | x = m + Fξ] = (m' − m) + (lag F⁻ᵀ − F) ξ
        turned = torch.linalg.solve_triangular(factor, lag.transpose(-1, -2), upper=False)
        slope = turned.transpose(-1, -2) - factor
        change = mean[..., 1:, :] - mean[..., :-1, :]
        spread = (cov[..., 1:, :, :] + cov[..., :-1, :, :]).diagonal(dim1=-2, dim2=-1)
        spread = spread - 2 * lag.diagonal(dim1=-2, dim2=-1)
        return cls(
            mean[..., :-1, None, :] + points @ factor.transpose(-1, -2),
            change.unsqueeze(-2) + points @ slope.transpose(-1, -2),
            change.square() + spread,
            weights,
            None if inputs is None else inputs[..., :-1, None, :],
        )

    def chosen(self, mask: Tensor) -> "Steps":
        """Some of the steps, in one row; `mask` has the shape of all but the last dimensions."""
        inputs = None if self.inputs is None else self.inputs[mask]
        return Steps(
            self.state[mask], self.move[mask], self.move_square[mask], self.weights, inputs
        )


def expected_log_steps(dynamics: SwitchingGP, steps: Steps, h: float) -> Tensor:
    """Expected log density of each step, over path, drift and remainder, in nats, (…,).

    E log N(x'; x + h (f + B u), h σ²) = − ½ Σ_d [log 2πhσ_d² + (E Δ_d² − 2h E Δ_d f_d + h² E f_d²)
    / (h σ_d²)], with E f² = (aᵀ mean)² + aᵀ S a + r, given x, under the law of the weights.
    """
    a, left = _weighted(dynamics, steps)
    precision = dynamics.diffusion(0.0, steps.state[..., 0, :]).pow(-2)
    drift = a @ dynamics.mean.t()
    # one basis for all coordinates: the variances add up before they meet the points
    unsure = precision @ dynamics.var
    variance = ((a @ dynamics.basis).square() @ unsure.unsqueeze(-1))[..., 0]
    variance = variance + left * precision.sum(-1, keepdim=True)
    product = ((steps.move * drift - h / 2 * drift.square()) @ precision.unsqueeze(-1))[..., 0]
    norm = -(log(2 * pi * h) - precision.log() + steps.move_square * precision / h).sum(-1) / 2
    return norm + (product - h / 2 * variance) @ steps.weights


@dataclass(frozen=True)
class DriftStatistics:
    """Sums over steps, of which the law of the drift's weights is a function.

    Attributes:
        square: Σ E a aᵀ, (weights, weights).
        product: Σ E a Δᵀ, (weights, dim).
        move_square: Σ E Δ², (dim,).
        left: Σ E r, a scalar.
        count: number of steps.
    """

    square: Tensor
    product: Tensor
    move_square: Tensor
    left: Tensor
    count: float

    @classmethod
    def of(cls, dynamics: SwitchingGP, steps: Steps) -> "DriftStatistics":
        """Sum over steps in one row (see `Steps.chosen`); differentiable."""
        a, left = _weighted(dynamics, steps)
        weighted, flat = (a * steps.weights[:, None]).flatten(0, 1), a.flatten(0, 1)
        return cls(
            weighted.t() @ flat,
            weighted.t() @ steps.move.flatten(0, 1),
            steps.move_square.sum(0),
            (left @ steps.weights).sum(),
            float(len(steps.state)),
        )

    def __add__(self, other: "DriftStatistics") -> "DriftStatistics":
        """Sums over both sets of steps."""
        return DriftStatistics(
            self.square + other.square,
            self.product + other.product,
            self.move_square + other.move_square,
            self.left + other.left,
            self.count + other.count,
        )

    def times(self, factor: float) -> "DriftStatistics":
        """As if each step had been taken so many times."""
        return DriftStatistics(
            factor * self.square,
            factor * self.product,
            factor * self.move_square,
            factor * self.left,
            factor * self.count,
        )


def collapsed_bound(statistics: DriftStatistics, noise_var: Tensor, h: float) -> Tensor:
    """Expected log density of all steps minus KL(q(w) ‖ p(w)), at the best q(w), in nats.

    The best q(w_d) has the precision P_d = I + h/σ_d² Σ E a aᵀ and the mean P_d⁻¹ Σ E a Δ_d / σ_d²,
    which leaves ½ bᵀP⁻¹b − ½ log |P| of it.

    Args:
        statistics: sums over the steps.
        noise_var: σ², per unit of internal time, (dim,).
        h: the step.
    """
    eye = torch.eye(len(statistics.square)).to(statistics.square)
    precision = eye + h / noise_var[:, None, None] * statistics.square
    factor = torch.linalg.cholesky(precision)
    target = (statistics.product / noise_var).t().unsqueeze(-1)
    solved = torch.linalg.solve_triangular(factor, target, upper=False)
    gained = solved.square().sum() / 2 - factor.diagonal(dim1=-2, dim2=-1).log().sum()
    missed = (statistics.move_square / h + h * statistics.left) / noise_var
    return gained - (statistics.count * (2 * pi * h * noise_var).log() + missed).sum() / 2


@torch.no_grad()
def infer_drift(dynamics: SwitchingGP, statistics: DriftStatistics, h: float) -> None:
    """Set the law of the drift's weights to the best one, in closed form; see `collapsed_bound`."""
    noise_var = noise_variance(dynamics)
    values, basis = torch.linalg.eigh(statistics.square)
    var = 1 / (1 + h * values.clamp(min=0) / noise_var[:, None])
    turned = basis.t() @ statistics.product / noise_var
    dynamics.set_weights((basis @ (var.t() * turned)).t(), basis, var)


def noise_variance(dynamics: SwitchingGP) -> Tensor:
    """Variance σ² of the noise per unit of internal time, (dim,)."""
    origin = dynamics.mean.new_zeros(dynamics.state_dim)
    return dynamics.diffusion(0.0, origin).square()


def steps_of(moments: Moments, inside: Tensor, inputs: Tensor | None = None) -> Steps:
    """Steps between bins inside their trial, `inside` (trials, bins), in one row."""
    steps = Steps.of(moments.mean, moments.cov, moments.lag, inputs)
    return steps.chosen(inside[:, 1:])


def _weighted(dynamics: SwitchingGP, steps: Steps) -> tuple[Tensor, Tensor]:
    inputs = steps.inputs
    if inputs is not None:
        inputs = inputs.expand(*steps.state.shape[:-1], -1)
    return dynamics.weighted(steps.state, inputs)
