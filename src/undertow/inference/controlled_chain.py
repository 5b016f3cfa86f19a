"""`ControlledChain`: the steps of a path one at a time, for many particles of each trial."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from undertow.dynamics import Dynamics
from undertow.inference.solving import control_log_ratio
from undertow.inference.steering import Steering
from undertow.inference.time_grid import TimeGrid

Proposal = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From the mean of a step's end (trials, particles, state_dim) and standard normal numbers to the
noise of the step, shaped like these, and its log density under the prior less that under the
proposal, (trials, particles)."""


@dataclass(frozen=True)
class ControlledChain:
    """Dynamics on a grid, under a posterior's control, stepped for (trials, particles, state_dim).

    The arguments are those of `solve`, which takes all steps of one path of each trial; here
    something may happen between steps.
    """

    dynamics: Dynamics
    grid: TimeGrid
    inputs: Tensor | None = None
    steering: Steering | None = None
    context: Tensor | None = None
    inside: Tensor | None = None

    def __len__(self) -> int:
        """Number of steps."""
        return len(self.grid)

    @property
    def degenerate(self) -> bool:
        """Whether some coordinates have no noise of their own, so that steps have no density."""
        return self.dynamics.noise_dim < self.dynamics.state_dim

    def step(self, k: int, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Take step `k` under the control.

        Args:
            k: which step.
            x: states before it, (trials, particles, state_dim).
            noise: standard normal, (trials, particles, noise_dim).

        Returns:
            the states after it, and log dP/dQ of the step, prior over posterior, (trials,
            particles).
        """
        h, mean, std = self._law(k, x)
        kick, log_ratio = noise.flatten(0, 1), x.new_zeros(x.shape[:2])
        if self.steering is not None:
            prepared = None if self._prepared is None else _rows(self._prepared[:, k], x.shape[1])
            control = self.steering(x.flatten(0, 1), prepared, mean, std, h)
            if self.inside is not None:
                control = control * _rows(self.inside[:, k, None], x.shape[1])
            log_ratio = control_log_ratio(control, kick, h).view(x.shape[:2])
            kick = torch.addcmul(kick, h.sqrt(), control)
        after = self.dynamics.displaced(mean, self.dynamics.spread(std, kick), h)
        return after.view(*x.shape[:2], -1), log_ratio

    def proposed_step(
        self, k: int, x: Tensor, noise: Tensor, propose: Proposal
    ) -> tuple[Tensor, Tensor]:
        """Take step `k` under a proposal in place of the control; as `step`."""
        h, mean, std = self._law(k, x)
        kick, log_ratio = propose(mean.view(x.shape), noise)
        after = self.dynamics.displaced(mean, self.dynamics.spread(std, kick.flatten(0, 1)), h)
        return after.view(x.shape), log_ratio

    def next_law(self, k: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of the state after step `k` under the prior, and the effect of its noise.

        Returns:
            (trials, particles, state_dim), and (trials, state_dim, noise_dim), that of the
            particles' mean standard deviation.
        """
        h, mean, std = self._law(k, x)
        n, dynamics = x.shape[1], self.dynamics
        if std.ndim > 1 + dynamics.correlated:
            std = std.view(len(x), n, *std.shape[1:]).mean(1)
        else:
            std = std.expand(len(x), *std.shape)
        factor = std if dynamics.correlated else torch.diag_embed(std)
        unmoved = x.new_zeros(len(x) * dynamics.noise_dim, dynamics.state_dim)
        h = h if h.ndim == 0 else h.view(len(x), n)[:, :1].repeat_interleave(dynamics.noise_dim, 0)
        effect = dynamics.displaced(unmoved, factor.mT.flatten(0, 1), h)
        return mean.view(x.shape), effect.view(len(x), dynamics.noise_dim, dynamics.state_dim).mT

    def log_density(self, k: int, x: Tensor, after: Tensor) -> Tensor:
        """Log density of states after step `k` given those before it, under the prior.

        It is up to a constant of each state after it. Only of chains that are not `degenerate`.

        Args:
            k: which step.
            x: states before it, (trials, particles, state_dim).
            after: states after it, (trials, samples, state_dim).

        Returns:
            (trials, samples, particles).
        """
        _, mean, std = self._law(k, x)
        mean = mean.view(x.shape)
        # about a common middle: products of large numbers would cost digits
        middle = after.mean(1, keepdim=True)
        mean, after = mean - middle, after - middle
        if self.dynamics.correlated and std.ndim == 2:
            mean, after = (_whitened(std, value) for value in (mean, after))
            std = std.new_ones(x.shape[-1])
        elif self.dynamics.correlated:
            return _correlated(mean, std.view(*x.shape, x.shape[-1]), after)
        std = std.expand(x[:, :, 0].numel(), x.shape[-1]).view(x.shape)
        return _diagonal(mean, std, after)

    def path_log_density(self, states: Tensor) -> Tensor:
        """Log density of whole paths given where they start, under the prior.

        It is up to a number that depends on nothing; gradients reach the dynamics. Only of chains
        that are not `degenerate`.

        Args:
            states: (trials, samples, steps + 1, state_dim).

        Returns:
            (trials, samples).
        """
        total = states.new_zeros(states.shape[:2])
        for k in range(len(self)):
            _, mean, std = self._law(k, states[:, :, k])
            apart = states[:, :, k + 1].flatten(0, 1) - mean
            if self.dynamics.correlated:
                apart = torch.linalg.solve_triangular(std, apart[..., None], upper=False)[..., 0]
                std = std.diagonal(dim1=-2, dim2=-1)
            else:
                apart = apart / std
            found = -0.5 * apart.square().sum(-1) - std.log().sum(-1)
            total = total + found.view(total.shape)
        return total

    @cached_property
    def _prepared(self) -> Tensor | None:
        return None if self.steering is None else self.steering.prepare(self.context, self.inputs)

    def _law(self, k: int, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the step in internal time, and mean and std of its law under the prior, by row."""
        n, scale = x.shape[1], self.dynamics.timescale_s
        s, h = (_column(v, k, n) / scale for v in (self.grid.starts_s, self.grid.steps_s))
        u = None if self.inputs is None else _rows(self.inputs[:, k], n)
        mean, std = self.dynamics.step(s, x.flatten(0, 1), h, u)
        shape = (self.dynamics.noise_dim,) * (1 + self.dynamics.correlated)
        # one for all particles, or one for each
        return h, mean, std.expand(shape if std.ndim == len(shape) else (len(mean), *shape))


def _rows(values: Tensor, particles: int) -> Tensor:
    """Repeat values of each trial for its particles, (trials · particles, …)."""
    return values.repeat_interleave(particles, 0)


def _column(values: Tensor, k: int, particles: int) -> Tensor:
    """Take numbers of step k: a scalar where trials share them, else (trials · particles, 1)."""
    return values[0, k] if len(values) == 1 else _rows(values[:, k, None], particles)


def _whitened(factor: Tensor, value: Tensor) -> Tensor:
    return torch.linalg.solve_triangular(factor, value.mT, upper=False).mT


def _diagonal(mean: Tensor, std: Tensor, after: Tensor) -> Tensor:
    """Log densities of independent coordinates by products of matrices, (trials, samples, n)."""
    precision = std.square().reciprocal()
    constant = -0.5 * (mean.square() * precision).sum(-1) - std.log().sum(-1)
    read = torch.cat([mean * precision, -0.5 * precision], -1)
    return torch.baddbmm(constant[:, None], torch.cat([after, after.square()], -1), read.mT)


def _correlated(mean: Tensor, factor: Tensor, after: Tensor) -> Tensor:
    """Log densities where every particle's noise has a factor of its own."""
    found: list[Any] = []
    eye = torch.eye(mean.shape[-1], dtype=mean.dtype, device=mean.device)
    for own_mean, own_factor, own_after in zip(mean, factor, after, strict=True):
        unit = torch.linalg.solve_triangular(own_factor, eye, upper=False)
        apart = own_after @ unit.mT - (unit @ own_mean[..., None])[..., 0][:, None]
        log_det = own_factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        found.append(-0.5 * apart.square().sum(-1).mT - log_det)
    return torch.stack(found)
