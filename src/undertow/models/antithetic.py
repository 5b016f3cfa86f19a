"""Antithetic pairs of posterior samples, several of them drawn and decoded at once."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from undertow.memory import blocks
from undertow.randomness import path_generator

PATHS_AT_ONCE = 64
"""Below this a pass costs more in calls than in numbers."""


class Draw(NamedTuple):
    """Samples of all trials that are drawn in one pass, one below the other.

    Attributes:
        samples: which they are.
        rows: the trials, repeated once per sample.
        generators: one per sample, the source of its noise.
        signs: what each row's noise is multiplied by, 1 or −1.
    """

    samples: slice
    rows: Tensor
    generators: list[torch.Generator]
    signs: Tensor


def antithetic(n_trials: int, samples: int, seed: Sequence[int], like: Tensor) -> Iterator[Draw]:
    """Divide samples of all trials into passes, in antithetic pairs.

    The second sample of a pair has the noise of the first with its sign turned. Latents are then
    exactly their means on average over a pair, and so are rates as far as they are linear in them:
    a few pairs are worth a hundred single samples. Each pair has a generator of its own, so that a
    longer window begins with the same noise in each. Of few trials several samples are drawn in one
    pass.

    Args:
        n_trials, samples: how many.
        seed: of the noise.
        like: a tensor that gives type and device.
    """
    for part in blocks(samples, n_trials, PATHS_AT_ONCE):
        some = range(part.start, part.stop)
        generators = [path_generator(like.device, *seed, k // 2) for k in some]
        signs = torch.tensor([1.0 - 2.0 * (k % 2) for k in some], dtype=like.dtype)
        rows = torch.arange(n_trials, device=like.device).repeat(len(some))
        yield Draw(part, rows, generators, signs.to(like.device).repeat_interleave(n_trials))


def shares(
    rows: Tensor, generators: Sequence[torch.Generator]
) -> Iterator[tuple[Tensor, torch.Generator]]:
    """Equal shares of the rows, each with its generator."""
    return zip(rows.chunk(len(generators)), generators, strict=True)
