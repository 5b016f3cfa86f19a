"""Posterior samples of a `LangevinNetwork`, several of them decoded at once."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.models.antithetic import antithetic
from undertow.models.langevin_flow.inferred import Encoded, Inferred
from undertow.models.langevin_flow.network import LangevinNetwork


def draw_samples(
    network: LangevinNetwork,
    batch: Batch,
    encoded: Encoded,
    samples: int,
    seed: Sequence[int],
    exchange: Tensor | None = None,
) -> Iterator[tuple[slice, Batch, Inferred]]:
    """Draw posterior samples of all trials in antithetic pairs (`antithetic`).

    Args:
        network, batch, encoded, exchange: as in `LangevinNetwork.draw`.
        samples: how many.
        seed: of the noise.

    Yields:
        which samples these are; the batch with its trials repeated once per sample, and what was
        inferred for it, sample by sample.
    """
    n_trials, device = len(batch), batch.targets.device
    for part, rows, generators, signs in antithetic(n_trials, samples, seed, encoded.context):
        n, others = len(generators), None
        if exchange is not None:
            first = n_trials * torch.arange(n, device=device)
            others = (first[:, None] + exchange).flatten()
        repeated = batch if n == 1 else batch.take(rows)
        drawn = network.draw(
            repeated,
            encoded if n == 1 else encoded.take(rows),
            *generators,
            signs=signs,
            exchange=others,
        )
        yield part, repeated, drawn
