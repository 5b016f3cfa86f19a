"""Where the regimes of switching dynamics start: autoregressions that take turns on given paths."""

import copy

import torch
from torch import Tensor

from undertow.inference import LinearRegimes, infer_regimes
from undertow.inference.regime_moves import RegimeMoves

RESTARTS, ITERATIONS = 4, 25
SETTLED = 1e-5
"""A fit ends when its log evidence gains less than this share of itself."""
SHARE = 0.9
"""Probability of the regime whose cluster a step is in, where a restart begins."""


@torch.no_grad()
def starting_regimes(
    dynamics: LinearRegimes, moves: RegimeMoves, paths: Tensor, inside: Tensor, seed: int
) -> None:
    """Set dynamics and moves to the likeliest of several fits to paths that count as known.

    Args:
        dynamics, moves: changed in place.
        paths: (trials, bins, dim).
        inside: bins inside each trial, (trials, bins).
        seed: of the clusters from which fits start.
    """
    found = []
    for restart in range(RESTARTS if dynamics.regimes > 1 else 1):
        tried = copy.deepcopy(dynamics), copy.deepcopy(moves)
        found.append((_fit(*tried, paths, inside, seed + restart), *tried))
    _, best_dynamics, best_moves = max(found, key=lambda each: each[0])
    dynamics.load_state_dict(best_dynamics.state_dict())
    moves.load_state_dict(best_moves.state_dict())


def _fit(
    dynamics: LinearRegimes, moves: RegimeMoves, paths: Tensor, inside: Tensor, seed: int
) -> float:
    """Expectation–maximisation of autoregressions that take turns; return the log evidence."""
    none = torch.zeros(*paths.shape, paths.shape[-1]).to(paths)
    steps = inside[:, 1:]
    share, pair = _clustered(paths, inside, dynamics.regimes, seed)
    evidence = -torch.inf
    for _ in range(ITERATIONS):
        dynamics.learn(paths, none, none[:, 1:], share[:, 1:] * steps[..., None], None)
        leaving = paths[:, :-1][steps], none[:, :-1][steps]
        moves.learn(*leaving, pair[steps], share[:, 0])
        logs = dynamics.expected_log_steps(paths, none, none[:, 1:], None) * steps[..., None]
        told = torch.cat([torch.zeros_like(logs[:, :1]), logs], 1)
        law = infer_regimes(
            moves.initial, moves.expected_logs(paths[:, :-1], none[:, :-1]).detach(), told
        )
        share, pair, before = law.share, law.pair, evidence
        evidence = float(law.log_normaliser.sum())
        if evidence - before < SETTLED * (abs(evidence) + 1):
            break
    dynamics.learn_initial(paths[:, 0], none[:, 0])
    return evidence


def _clustered(paths: Tensor, inside: Tensor, regimes: int, seed: int) -> tuple[Tensor, Tensor]:
    """Shares and pairs of regimes by clusters of where each step starts and where it goes."""
    moved, steps = paths[:, 1:] - paths[:, :-1], inside[:, 1:]
    label = torch.zeros_like(inside, dtype=torch.long)
    if regimes > 1 and bool(steps.any()):
        scale = moved[steps].std(0, correction=0).clamp(min=1e-9)
        points = torch.cat([paths[:, :-1], moved / scale], -1)
        label[:, 1:][steps] = _labels(points[steps], regimes, seed)
        label[:, 0] = label[:, 1]
    share = torch.nn.functional.one_hot(label, regimes).to(paths)
    share = SHARE * share + (1 - SHARE) / regimes
    return share, share[:, :-1, :, None] * share[:, 1:, None]


def _labels(points: Tensor, regimes: int, seed: int) -> Tensor:
    """The cluster of each point, (points,)."""
    import warnings

    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    clusters = KMeans(min(regimes, len(points)), n_init=1, random_state=seed % 2**31)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # points may coincide
        found = clusters.fit(points.cpu().numpy()).labels_
    return torch.as_tensor(found, device=points.device).long()
