"""Posterior samples of a `LangevinNetwork`, several of them decoded at once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.memory import blocks
from undertow.models.langevin_flow.inferred import Encoded, Inferred
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.randomness import path_generator

PATHS_AT_ONCE = 64
"""Below this a pass costs more in calls than in numbers."""


def draw_samples(
    network: LangevinNetwork,
    batch: Batch,
    encoded: Encoded,
    samples: int,
    seed: Sequence[int],
    exchange: Tensor | None = None,
) -> Iterator[tuple[slice, Batch, Inferred]]:
    """Draw posterior samples of all trials in antithetic pairs.

    The second sample of a pair has the noise of the first with its sign turned. Latents are then
    exactly their means on average over a pair, and so are rates as far as they are linear in them:
    a few pairs are worth a hundred single samples. Each pair has a generator of its own, so that a
    longer window begins with the same noise in each. Of few trials several samples are drawn in one
    pass.

    Args:
        network, batch, encoded, exchange: as in `LangevinNetwork.draw`.
        samples: how many.
        seed: of the noise.

    Yields:
        which samples these are; the batch with its trials repeated once per sample, and what was
        inferred for it, sample by sample.
    """
    n_trials, device = len(batch), batch.targets.device
    for part in blocks(samples, n_trials, PATHS_AT_ONCE):
        some = range(part.start, part.stop)
        generators = [path_generator(device, *seed, k // 2) for k in some]
        signs = torch.tensor([1.0 - 2.0 * (k % 2) for k in some], dtype=encoded.context.dtype)
        rows = torch.arange(n_trials, device=device).repeat(len(some))
        others = None
        if exchange is not None:
            first = n_trials * torch.arange(len(some), device=device)
            others = (first[:, None] + exchange).flatten()
        repeated = batch if len(some) == 1 else batch.take(rows)
        drawn = network.draw(
            repeated,
            encoded if len(some) == 1 else encoded.take(rows),
            *generators,
            signs=signs.to(device).repeat_interleave(n_trials),
            exchange=others,
        )
        yield part, repeated, drawn
