"""Posterior samples of a `LangevinNetwork`, several of them decoded at once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.memory import blocks
from undertow.models.langevin_flow.inferred import Encoded, Inferred
from undertow.models.langevin_flow.network import LangevinNetwork

PATHS_AT_ONCE = 64
"""Below this a pass costs more in calls than in numbers."""


def draw_samples(
    network: LangevinNetwork,
    batch: Batch,
    encoded: Encoded,
    generators: Sequence[torch.Generator],
    exchange: Tensor | None = None,
) -> Iterator[tuple[slice, Batch, Inferred]]:
    """Draw one posterior sample of all trials per generator.

    Of few trials several samples are drawn in one pass; each is what its generator gives alone, up
    to the order of sums.

    Args:
        network, batch, encoded, exchange: as in `LangevinNetwork.draw`.
        generators: one for each sample.

    Yields:
        which samples these are; the batch with its trials repeated once per sample, and what was
        inferred for it, sample by sample.
    """
    n_trials = len(batch)
    for part in blocks(len(generators), n_trials, PATHS_AT_ONCE):
        some = generators[part]
        if len(some) == 1:
            yield part, batch, network.draw(batch, encoded, *some, exchange=exchange)
            continue
        trials = torch.arange(n_trials, device=batch.targets.device)
        rows = trials.repeat(len(some))
        others = None
        if exchange is not None:
            first = n_trials * torch.arange(len(some), device=rows.device)
            others = (first[:, None] + exchange).flatten()
        repeated = batch.take(rows)
        drawn = network.draw(repeated, encoded.take(rows), *some, exchange=others)
        yield part, repeated, drawn
