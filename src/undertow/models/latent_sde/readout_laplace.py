"""Laplace's approximation of the counts' readouts, from the training trials' own paths."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.observations import CountObservation
from undertow.randomness import path_generator

PATHS, MOST_BINS, AT_ONCE, SEED = 4, 50_000, 64, 0


def fit_readout_law(network: LatentSDENetwork, batch: Batch) -> None:
    """Set the network's law of its readouts; nothing where it has none.

    Args:
        network: fitted.
        batch: the training trials; of many, as many at equal distances as have 50,000 bins, which
            then count for all.
    """
    if network.readout_law is None:
        return
    network.eval()
    assert isinstance(network.observation, CountObservation)
    most = max(1, min(len(batch), MOST_BINS // batch.targets.shape[1]))
    rows = torch.linspace(0, len(batch) - 1, most).round().long().to(batch.lengths.device)
    times = len(batch) / most / PATHS
    network.readout_law.fit(network.observation, _features(network, batch.take(rows)), times)


@torch.no_grad()
def _features(network: LatentSDENetwork, batch: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """Features on several paths of the posterior, and the counts."""
    for rows in torch.arange(len(batch), device=batch.lengths.device).split(AT_ONCE):
        some = batch.take(rows)
        encoded = network.encode(some)
        for path in range(PATHS):
            generator = path_generator(rows.device, SEED, path)
            drawn = network.draw(replace(some, targets=some.targets[..., :0]), encoded, generator)
            yield network.features(some, drawn), some.targets
