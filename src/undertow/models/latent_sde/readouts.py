"""Readouts of behaviour and labels, solved in closed form on the training trials."""

from dataclasses import replace

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.observations import CategoricalObservation
from undertow.randomness import path_generator
from undertow.training import Solve

PATHS, MOST_TRIALS, SEED = 8, 512, 0


def readout_solver(network: LatentSDENetwork, batch: Batch) -> Solve | None:
    """Return a function that solves a network's readouts of behaviour and labels, in place.

    They are fitted to what a prediction reads: the mean state of several paths, both inferred from
    all observations and generated from the first. None where neither behaviour nor a label is read.

    Args:
        network: any network of the model, for what it reads.
        batch: the training trials; of many, 512 at equal distances.
    """
    known = batch.behavior is not None and network.behavior is not None
    if not known and not any(name in batch.labels for name in network.labels):
        return None
    rows = torch.linspace(0, len(batch) - 1, min(len(batch), MOST_TRIALS))
    some = batch.take(rows.round().long().to(batch.lengths.device))

    def solve(network: nn.Module) -> None:
        assert isinstance(network, LatentSDENetwork)
        training = network.training
        network.eval()
        solve_readouts(network, some)
        network.train(training)

    return solve


@torch.no_grad()
def solve_readouts(network: LatentSDENetwork, batch: Batch) -> None:
    """Solve the readouts on these trials, each seen twice: inferred, and generated."""
    modes = (False, True) if network.t0_bins else (False,)
    read = [mean_units(network, batch, generate) for generate in modes]
    if network.behavior is not None and batch.behavior is not None:
        behavior = torch.where(batch.inside[..., None], batch.behavior, torch.nan)
        # side by side in time, so that both sights of a trial are left out together
        network.behavior.solve(torch.cat(read, 1), behavior.repeat(1, len(modes), 1))
    for name, observation in network.labels.items():
        assert isinstance(observation, CategoricalObservation)
        if name in batch.labels:
            codes = batch.labels[name]
            known = torch.where(codes < 0, torch.nan, codes.to(read[0].dtype))
            pooled = [observation.pool(each, batch.valid) for each in read]
            observation.solve(torch.stack(pooled, 1), known[:, None].repeat(1, len(modes)))


def mean_units(network: LatentSDENetwork, batch: Batch, generate: bool) -> Tensor:
    """Average what decoders see over paths, (trials, time, units × numbers)."""
    encoded, total = network.encode(batch, generating=generate), torch.zeros(())
    shape_only = replace(batch, targets=batch.targets[..., :0])
    for path in range(PATHS):
        generator = path_generator(batch.targets.device, SEED, path)
        total = total + network.draw(shape_only, encoded, generator, generate).units
    return (total / PATHS).flatten(-2)
