"""Readouts of uncertain states: expected log-likelihoods in closed form, and their best weights."""

from abc import ABC, abstractmethod
from math import log, pi

import torch
from torch import Tensor, nn

from undertow.memory import blocks

BYTES, COPIES = 8, 4
WEIGHT_PRECISION, OFFSET_PRECISION = 1.0, 0.25
WEAK_PRECISION, LEAST_NOISE = 1e-3, 0.01
HALVINGS = 12


class PathReadout(nn.Module, ABC):
    """Observations y that are read from C x + d, one row of C for each neuron.

    Args:
        state_dim: width of the state.
        neurons: number of neurons.
    """

    def __init__(self, state_dim: int, neurons: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(neurons, state_dim))
        self.offset = nn.Parameter(torch.zeros(neurons))

    @abstractmethod
    def learn(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor, steps: int) -> None:
        """Improve weights and offsets given the law of the states, bins of all trials in a row."""

    @abstractmethod
    def expected_log_prob(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor) -> Tensor:
        """Expected log density of what was seen, in nats, (trials,).

        Args:
            mean, cov: of the states, (trials, bins, dim) and (trials, bins, dim, dim).
            y: observations, (trials, bins, neurons); any number where not seen.
            seen: 1 where observed, else 0, shaped like `y`.
        """

    def linear(self, x: Tensor) -> Tensor:
        """C x + d, (…, neurons)."""
        return x @ self.weight.t() + self.offset

    def variance(self, cov: Tensor) -> Tensor:
        """Variance of C x + d, (…, neurons)."""
        outer = self.weight.unsqueeze(2) * self.weight.unsqueeze(1)
        return cov.flatten(-2) @ outer.flatten(1).t()


class GaussianReadout(PathReadout):
    """y ~ N(C x + d, noise_var) of each neuron: with linear dynamics inference is exact.

    Weights have the prior N(0, 1000 noise_var); the noise of a neuron keeps a hundredth of the
    variance of its observations, so that no neuron is explained away.

    Attributes:
        log_noise_var: ln of the noise's variance, (neurons,).
    """

    def __init__(self, state_dim: int, neurons: int) -> None:
        super().__init__(state_dim, neurons)
        self.log_noise_var = nn.Parameter(torch.zeros(neurons))

    def expected_log_prob(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor) -> Tensor:
        miss = (y - self.linear(mean)).square() + self.variance(cov)
        terms = log(2 * pi) + self.log_noise_var + miss * (-self.log_noise_var).exp()
        return -(terms * seen).sum((1, 2)) / 2

    @torch.no_grad()
    def learn(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor, steps: int = 1) -> None:
        """Set weights, offsets and noise to their best, in closed form.

        Arguments as in `expected_log_prob`, with bins of all trials in one row: (bins, …).
        """
        dim, shown = mean.shape[1], seen * y
        design = torch.cat([mean, torch.ones_like(mean[:, :1])], 1)
        square = seen.t() @ (design[:, :, None] * design[:, None]).flatten(1)
        square = square.unflatten(1, (dim + 1, dim + 1))
        square[:, :dim, :dim] += (seen.t() @ cov.flatten(1)).unflatten(1, (dim, dim))
        penalty = torch.full_like(square[0, 0], WEAK_PRECISION)
        product, count = shown.t() @ design, seen.sum(0).clamp(min=1.0)
        solved = torch.linalg.solve(square + torch.diag(penalty), product[..., None])[..., 0]
        # at the minimum the squares left are those of y less what the solution explains
        total = (shown * y).sum(0)
        left = (total - (solved * product).sum(-1)) / count
        usual = total / count - (shown.sum(0) / count).square()
        self.weight.copy_(solved[:, :dim])
        self.offset.copy_(solved[:, dim])
        least = (LEAST_NOISE * usual).clamp(min=LEAST_NOISE**2)
        self.log_noise_var.copy_(left.clamp(min=least).log())


class PoissonReadout(PathReadout):
    """y ~ Poisson(exp(C x + d)) counts per bin; E exp(C x + d) = exp(C m + d + ½ C V Cᵀ).

    Weights have the prior N(0, 1), offsets N(log mean count, 4): a silent neuron keeps finite ones.

    Args:
        state_dim: width of the state.
        neurons: number of neurons.
        mean_counts: mean count per bin of each neuron, above zero, (neurons,).
    """

    usual: Tensor

    def __init__(self, state_dim: int, neurons: int, mean_counts: Tensor) -> None:
        super().__init__(state_dim, neurons)
        self.register_buffer("usual", mean_counts.log())
        with torch.no_grad():
            self.offset.copy_(self.usual)

    def log_rate(self, mean: Tensor, cov: Tensor) -> Tensor:
        """Logarithm of the expected count per bin, (…, neurons)."""
        return self.linear(mean) + self.variance(cov) / 2

    def expected_log_prob(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor) -> Tensor:
        linear = self.linear(mean)
        terms = y * linear - (linear + self.variance(cov) / 2).exp() - torch.lgamma(y + 1)
        return (terms * seen).sum((1, 2))

    @torch.no_grad()
    def learn(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor, steps: int = 2) -> None:
        """Move weights and offsets by Newton steps of the expected log density, which is concave.

        Arguments as in `expected_log_prob`, with bins of all trials in one row: (bins, …). A step
        of a neuron that would lower its objective is halved.
        """
        for _ in range(steps):
            value, slope, curvature = self._derivatives(mean, cov, y, seen)
            move = torch.linalg.solve(curvature, slope.unsqueeze(-1))[..., 0]
            before = torch.cat([self.weight, self.offset[:, None]], 1)
            share = torch.ones_like(value)
            for _ in range(HALVINGS):
                after = before + share[:, None] * move
                self.weight.copy_(after[:, :-1])
                self.offset.copy_(after[:, -1])
                worse = ~(self._objective(mean, cov, y, seen) >= value - 1e-9 * value.abs())
                if not bool(worse.any()):
                    break
                share = torch.where(worse, share / 2, share)
            else:
                kept = torch.where(worse[:, None], before, after)
                self.weight.copy_(kept[:, :-1])
                self.offset.copy_(kept[:, -1])

    def _prior(self) -> Tensor:
        moved = (self.offset - self.usual).square()
        return -(WEIGHT_PRECISION * self.weight.square().sum(1) + OFFSET_PRECISION * moved) / 2

    def _objective(self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor) -> Tensor:
        """Expected log density of each neuron and its weights, up to constants, (neurons,)."""
        total = self._prior()
        for part in self._blocks(mean, 1):
            linear = self.linear(mean[part])
            rate = (linear + self.variance(cov[part]) / 2).exp()
            total = total + (seen[part] * (y[part] * linear - rate)).sum(0)
        return total

    def _derivatives(
        self, mean: Tensor, cov: Tensor, y: Tensor, seen: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Objective, slope and minus the curvature in [weights, offset] of each neuron."""
        moved = self.offset - self.usual
        slope = -torch.cat([WEIGHT_PRECISION * self.weight, OFFSET_PRECISION * moved[:, None]], 1)
        prior = slope.new_full((slope.shape[1],), WEIGHT_PRECISION)
        prior[-1] = OFFSET_PRECISION
        curvature = torch.diag(prior).expand(len(slope), -1, -1).clone()
        value, dim = self._prior(), mean.shape[1]
        for part in self._blocks(mean, dim + 1):
            m, v, counts, shown = mean[part], cov[part], y[part], seen[part]
            linear = self.linear(m)
            rate = shown * (linear + self.variance(v) / 2).exp()
            value = value + (shown * counts * linear - rate).sum(0)
            # where the expected rate has its mass: the state tilted along the neuron's weights
            tilted = m.unsqueeze(1) + torch.einsum("bij,nj->bni", v, self.weight)
            tilted = torch.cat([tilted, torch.ones_like(tilted[..., :1])], -1)
            ones = torch.ones_like(m[:, :1])
            slope = slope + (shown * counts).t() @ torch.cat([m, ones], 1)
            slope = slope - torch.einsum("bn,bni->ni", rate, tilted)
            curvature = curvature + torch.einsum(
                "bni,bnj->nij", rate.unsqueeze(-1) * tilted, tilted
            )
            curvature[:, :dim, :dim] += (rate.t() @ v.flatten(1)).unflatten(1, (dim, dim))
        return value, slope, curvature

    def _blocks(self, mean: Tensor, width: int) -> list[slice]:
        return list(blocks(len(mean), BYTES * COPIES * len(self.weight) * width, 2**27))
