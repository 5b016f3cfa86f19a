"""`RegimeMoves`: which regime follows which, by itself or by where the state is."""

import torch
from torch import Tensor, nn

STICKY, SPREAD = 5.0, 0.5
"""Counts added to staying in a regime, and to every pair of regimes."""
SLOPE_PRECISION = 0.1
SEARCH_STEPS = 5
"""Quasi-Newton steps of each M-step: from one to the next little is left to gain."""


class RegimeMoves(nn.Module):
    """P(z_{t+1} = j | z_t = k, x_t) ∝ exp(P_kj + R_j x_t) (Linderman et al. 2017, eq. 5).

    Args:
        dim: width of the state x.
        regimes: number of regimes.
        recurrent: whether the state has a say; else R = 0, and the chain is a Markov chain.

    Attributes:
        logits: P, (regimes, regimes).
        slopes: R, (regimes, dim).
        initial: log probabilities of the first regime, (regimes,).
    """

    initial: Tensor

    def __init__(self, dim: int, regimes: int, recurrent: bool) -> None:
        super().__init__()
        self.recurrent = recurrent
        stay = 0.9 * torch.eye(regimes) + 0.1 / regimes
        self.logits = nn.Parameter(stay.log())
        self.slopes = nn.Parameter(torch.zeros(regimes, dim), requires_grad=recurrent)
        self.register_buffer("initial", torch.full((regimes,), 1.0 / regimes).log())

    def expected_logs(self, mean: Tensor, cov: Tensor) -> Tensor:
        """A lower bound of E log P(z_{t+1} | z_t, x_t), (…, regimes, regimes).

        E log Σ_j exp(a_j) ≤ log Σ_j E exp(a_j), whose terms are those of Gaussian numbers; exact
        without a say of the state.

        Args:
            mean, cov: of x_t, (…, dim) and (…, dim, dim).
        """
        pull = mean @ self.slopes.t()
        own = self.logits + pull[..., None, :]
        spread = ((self.slopes @ cov) * self.slopes).sum(-1)
        total = torch.logsumexp(self.logits + (pull + spread / 2)[..., None, :], -1, keepdim=True)
        return own - total

    @torch.no_grad()
    def probabilities(self, regime: Tensor, x: Tensor) -> Tensor:
        """Of the next regime (trials, regimes), given those of the trials (trials,) and states."""
        return torch.softmax(self.logits[regime] + x @ self.slopes.t(), -1)

    def learn(self, mean: Tensor, cov: Tensor, pair: Tensor, first: Tensor) -> None:
        """Improve the law given pairs of regimes and the states they leave from.

        Args:
            mean, cov: of the states, (steps, dim) and (steps, dim, dim).
            pair: probabilities of pairs, zero for steps that do not count, (steps, regimes,
                regimes).
            first: probabilities of the first regime, (trials, regimes).
        """
        with torch.no_grad():
            started = first.sum(0) + SPREAD
            self.initial.copy_((started / started.sum()).log())
            counts = pair.sum(0) + SPREAD + STICKY * torch.eye(len(started)).to(pair)
            if not self.recurrent:
                self.logits.copy_((counts / counts.sum(1, keepdim=True)).log())
                return
        added = SPREAD + STICKY * torch.eye(len(started)).to(pair)
        optimizer = torch.optim.LBFGS(
            [self.logits, self.slopes], max_iter=SEARCH_STEPS, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimizer.zero_grad(set_to_none=True)
            with torch.enable_grad():
                told = (pair * self.expected_logs(mean, cov)).sum()
                prior = (added * torch.log_softmax(self.logits, -1)).sum()
                value = -(told + prior) + SLOPE_PRECISION * self.slopes.square().sum() / 2
                value.backward()
            return value

        optimizer.step(loss)
        optimizer.zero_grad(set_to_none=True)
