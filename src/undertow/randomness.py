"""Randomness from explicit generators: masks, paths and seeded weights.

Nothing here changes the global random state.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor


@contextmanager
def isolated_seed(seed: int) -> Iterator[None]:
    """Seed torch's global generator for weight initialisation, and put it back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def path_generator(device: torch.device, *seed: int) -> torch.Generator:
    """A generator of the noise of one path.

    Each path has its own, so that in a longer window every path, not only the first, begins with
    the same noise.
    """
    state = np.random.SeedSequence(seed).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


def representable_share(share: float) -> float:
    """The multiple of 1/256 nearest to `share`, and neither 0 nor 1 unless `share` is."""
    if share in (0.0, 1.0):
        return share
    return min(max(round(256 * share), 1), 255) / 256


def random_mask(
    shape: torch.Size | tuple[int, ...], share: float | Tensor, generator: torch.Generator
) -> Tensor:
    """True with probability `representable_share(share)`.

    Shares that differ are a tensor that broadcasts to the shape; each is rounded to 1/256.

    Eight entries are cut from each 64-bit draw, which on a CPU is ten times faster than a Bernoulli
    draw an entry.
    """
    size = torch.Size(shape)
    words = torch.empty((size.numel() + 7) // 8, dtype=torch.int64, device=generator.device)
    draws = words.random_(-(2**63), None, generator=generator).view(torch.uint8)[: size.numel()]
    if isinstance(share, Tensor):
        return draws.view(size) < (256 * share).round().to(torch.int16)
    threshold = round(256 * representable_share(share))
    return (
        draws < threshold if threshold < 256 else torch.ones_like(draws, dtype=torch.bool)
    ).view(size)
