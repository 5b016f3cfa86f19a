"""Hidden Markov chains of regimes: their law given what each bin tells, and drawn paths of them."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RegimeLaw:
    """Law of the regimes of some trials.

    Attributes:
        share: probability of each regime in each bin, (trials, bins, regimes).
        pair: probability of each pair of regimes in neighbouring bins, (trials, bins − 1, regimes,
            regimes).
        log_normaliser: logarithm of the sum over all paths of regimes, in nats, (trials,).
        filtered: logarithm of the probabilities given a bin and those before it, as `share`.
        moves: log transition potentials it comes from, as `pair`.
    """

    share: Tensor
    pair: Tensor
    log_normaliser: Tensor
    filtered: Tensor
    moves: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Turn uniform numbers (trials, bins) into regimes of that shape, from the last bin on."""
        drawn = [_drawn(self.filtered[:, -1].exp(), noise[:, -1])]
        for bin_ in range(self.share.shape[1] - 2, -1, -1):
            rows = torch.arange(len(noise), device=noise.device)
            into = self.moves[rows, bin_, :, drawn[-1]]
            law = torch.softmax(self.filtered[:, bin_] + into, -1)
            drawn.append(_drawn(law, noise[:, bin_]))
        return torch.stack(drawn[::-1], 1)


def _drawn(probabilities: Tensor, uniform: Tensor) -> Tensor:
    """One of the regimes by probabilities (trials, regimes), (trials,)."""
    below = probabilities.cumsum(-1) < uniform[:, None] * probabilities.sum(-1, keepdim=True)
    return below.sum(-1).clamp(max=probabilities.shape[-1] - 1)


def infer_regimes(initial: Tensor, moves: Tensor, told: Tensor) -> RegimeLaw:
    """The law of regimes with the potentials initial(z₁) ∏ moves_t(z_t, z_{t+1}) ∏ told_t(z_t).

    Forward–backward recursion (Rabiner 1989) in logarithms.

    Args:
        initial: log potentials of the first regime, (regimes,).
        moves: log potentials of pairs of neighbours, (trials or 1, bins − 1, regimes, regimes).
        told: log potentials of what each bin tells, (trials, bins, regimes).
    """
    n_trials, n_bins, regimes = told.shape
    moves = moves.expand(n_trials, n_bins - 1, regimes, regimes)
    level = initial + told[:, 0]
    forward: list[Tensor] = []
    total = told.new_zeros(n_trials)
    for bin_ in range(n_bins):
        if bin_:
            level = told[:, bin_] + torch.logsumexp(
                forward[-1][:, :, None] + moves[:, bin_ - 1], dim=1
            )
        scale = torch.logsumexp(level, -1)
        total = total + scale
        forward.append(level - scale[:, None])
    backward = [told.new_zeros(n_trials, regimes)]
    for bin_ in range(n_bins - 1, 0, -1):
        ahead = told[:, bin_] + backward[-1]
        behind = torch.logsumexp(moves[:, bin_ - 1] + ahead[:, None], dim=2)
        backward.append(behind - torch.logsumexp(behind, -1, keepdim=True))
    filtered, later = torch.stack(forward, 1), torch.stack(backward[::-1], 1)
    share = torch.softmax(filtered + later, -1)
    pair = filtered[:, :-1, :, None] + moves + (told[:, 1:] + later[:, 1:])[:, :, None]
    pair = torch.softmax(pair.flatten(-2), -1).unflatten(-1, (regimes, regimes))
    return RegimeLaw(share, pair, total, filtered, moves)
