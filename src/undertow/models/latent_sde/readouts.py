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

    None where neither behaviour nor a label is read.

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
        solve_readouts(network, some, for_prediction=not training)
        network.train(training)

    return solve


@torch.no_grad()
def solve_readouts(network: LatentSDENetwork, batch: Batch, for_prediction: bool) -> None:
    """Solve the readouts on these trials.

    The bound reads single paths of the posterior: it is highest for readouts fitted to as many. A
    prediction reads the mean over paths, inferred or generated: readouts fitted to single paths
    would fall short of it, for the spread of a path that the data do not explain flattens them.

    Args:
        network: the network whose readouts are set.
        batch: the trials.
        for_prediction: fit the mean paths, both inferred and generated; else single paths.
    """
    if not for_prediction:
        paths = path_units(network, batch, generate=False)
        # side by side in time, so that all paths of a trial are left out together
        _solve(network, batch, torch.cat(list(paths), 1), PATHS)
        return
    modes = (False, True) if network.t0_bins else (False,)
    paths = torch.cat([path_units(network, batch, generate) for generate in modes], 2)
    _solve(network, batch, paths.mean(0), len(modes), paths)


def _solve(
    network: LatentSDENetwork,
    batch: Batch,
    read: Tensor,
    times: int,
    paths: Tensor | None = None,
) -> None:
    """Fit what is observed to `read`, (trials, times × time, …): each trial so many times."""
    if network.behavior is not None and batch.behavior is not None:
        behavior = torch.where(batch.inside[..., None], batch.behavior, torch.nan)
        network.behavior.solve(read, behavior.repeat(1, times, 1), paths)
    for name, observation in network.labels.items():
        assert isinstance(observation, CategoricalObservation)
        if name in batch.labels:
            codes = batch.labels[name]
            known = torch.where(codes < 0, torch.nan, codes.to(read.dtype))
            seen = read.unflatten(1, (times, -1))
            pooled = observation.pool(seen, batch.valid[:, None].expand(-1, times, -1))
            observation.solve(pooled, known[:, None].expand(-1, times))


def path_units(network: LatentSDENetwork, batch: Batch, generate: bool) -> Tensor:
    """Draw what decoders see of several paths, (paths, trials, time, units × numbers)."""
    encoded, units = network.encode(batch), []
    shape_only = replace(batch, targets=batch.targets[..., :0])
    for path in range(PATHS):
        generator = path_generator(batch.targets.device, SEED, path)
        units.append(network.draw(shape_only, encoded, generator, generate).units.flatten(-2))
    return torch.stack(units)
