"""Where the regimes of switching dynamics start: autoregressions that take turns on given paths."""

import copy

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, pad

from undertow.inference import LinearRegimes, RegimeLaw, infer_regimes
from undertow.inference.regime_moves import RegimeMoves

ITERATIONS = 25
SETTLED = 1e-5
"""A fit ends when its log evidence gains less than this share of itself."""
SHORTEST_STRETCH = 10
"""A regime starts from so many steps, or twice as many as there are dimensions."""


@torch.no_grad()
def starting_regimes(
    dynamics: LinearRegimes,
    moves: RegimeMoves,
    paths: Tensor,
    inside: Tensor,
    restarts: int,
    seed: int,
) -> None:
    """Set dynamics and moves to the likeliest of several fits to paths that count as known.

    Args:
        dynamics, moves: changed in place.
        paths: (trials, bins, dim).
        inside: bins inside each trial, (trials, bins).
        restarts: number of fits.
        seed: of the stretches of paths from which they start.
    """
    found = []
    for restart in range(restarts if dynamics.regimes > 1 else 1):
        tried = copy.deepcopy(dynamics), copy.deepcopy(moves)
        known = _Known(*tried, paths, inside)
        if dynamics.regimes > 1 and bool(known.steps.any()):
            known.place(seed + restart)
        found.append((known.fit(), *tried))
    _, best_dynamics, best_moves = max(found, key=lambda each: each[0])
    dynamics.load_state_dict(best_dynamics.state_dict())
    moves.load_state_dict(best_moves.state_dict())


class _Known:
    """Autoregressions that take turns on known paths.

    Args:
        dynamics, moves: changed in place.
        paths: (trials, bins, dim).
        inside: bins inside each trial, (trials, bins).
    """

    def __init__(
        self, dynamics: LinearRegimes, moves: RegimeMoves, paths: Tensor, inside: Tensor
    ) -> None:
        self.dynamics, self.moves, self.paths = dynamics, moves, paths
        self.steps = inside[:, 1:]
        none = torch.zeros(*paths.shape, paths.shape[-1]).to(paths)
        self.moments, self.none = (paths, none, none[:, 1:]), none

    def place(self, seed: int) -> None:
        """Let each regime be that of a short stretch, one that those before explain badly."""
        draw = torch.Generator().manual_seed(seed % 2**63)
        length = max(SHORTEST_STRETCH, 2 * self.paths.shape[2])
        share = self.paths.new_zeros(*self.steps.shape, self.dynamics.regimes)
        missed = self.steps.to(self.paths)
        for k in range(self.dynamics.regimes):
            trial, bin_ = divmod(_drawn(_spread(missed, length), draw), self.steps.shape[1])
            share[trial, max(bin_ - length // 2, 0) : bin_ + length // 2, k] = 1.0
            self.dynamics.learn(*self.moments, share * self.steps[..., None], None)
            best = self._logs()[..., : k + 1].max(-1).values
            missed = ((best[self.steps].max() - best) * self.steps).square()

    def fit(self) -> float:
        """Expectation–maximisation; return the log evidence."""
        evidence = -torch.inf
        for _ in range(ITERATIONS):
            law, before = self._infer(), evidence
            evidence = float(law.log_normaliser.sum())
            if evidence - before < SETTLED * (abs(evidence) + 1):
                break
            self._learn(law)
        self.dynamics.learn_initial(self.paths[:, 0], self.none[:, 0])
        return evidence

    def _logs(self) -> Tensor:
        """Log density of each step in each regime, zero past a trial's end."""
        logs = self.dynamics.expected_log_steps(*self.moments, None)
        return logs * self.steps[..., None]

    def _infer(self) -> RegimeLaw:
        follow = self.moves.expected_logs(self.paths[:, :-1], self.none[:, :-1])
        return infer_regimes(self.moves.initial, follow, pad(self._logs(), (0, 0, 1, 0)))

    def _learn(self, law: RegimeLaw) -> None:
        self.dynamics.learn(*self.moments, law.share[:, 1:] * self.steps[..., None], None)
        leaving = self.paths[:, :-1][self.steps], self.none[:, :-1][self.steps]
        self.moves.learn(*leaving, law.pair[self.steps], law.share[:, 0])


def _spread(values: Tensor, length: int) -> Tensor:
    """Means over about so many bins around each one, above zero, (trials, bins)."""
    means = avg_pool1d(values[:, None], length + 1 - length % 2, 1, length // 2)[:, 0]
    return means + 1e-12


def _drawn(weights: Tensor, generator: torch.Generator) -> int:
    """One place among the weights, by their share."""
    sums = weights.flatten().cumsum(0)
    at = torch.rand(1, generator=generator, dtype=torch.float64).to(sums) * sums[-1]
    return min(int(torch.searchsorted(sums, at)), len(sums) - 1)
