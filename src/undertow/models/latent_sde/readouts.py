"""Readouts of behaviour and labels, solved in closed form on the training trials."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.models.latent_sde.free_loss import draw_at_once
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.observations import CategoricalObservation
from undertow.randomness import path_generator
from undertow.training import Solve

PATHS, SINGLE, MOST_TRIALS, SEED = 24, 2, 512, 0
"""Paths whose mean is read, paths that are read one by one, trials that are read, their noise."""


def readout_solver(network: LatentSDENetwork, batch: Batch, generate: bool) -> Solve | None:
    """Return a function that solves a network's readouts of behaviour and labels, in place.

    None where neither behaviour nor a label is read.

    Args:
        network: any network of the model, for what it reads.
        batch: the training trials; of many, 512 at equal distances.
        generate: whether what is kept is for generated paths, else for inferred ones.
    """
    known = batch.behavior is not None and network.behavior is not None
    if not known and not any(name in batch.labels for name in network.labels):
        return None
    some = spread_out(batch)

    def solve(network: nn.Module, progress: float) -> bool:
        assert isinstance(network, LatentSDENetwork)
        training = network.training
        network.eval()
        if training:
            solve_for_bound(network, some)
        else:
            solve_for_prediction(network, some, generate)
        network.train(training)
        return False

    return solve


def in_turn(solvers: Sequence[Solve]) -> Solve | None:
    """Return the function that calls all of these; None where there is none."""
    if not solvers:
        return None

    def solve(network: nn.Module, progress: float) -> bool:
        return any([each(network, progress) for each in solvers])

    return solve


def spread_out(batch: Batch) -> Batch:
    """Take at most 512 of the trials, at equal distances."""
    rows = torch.linspace(0, len(batch) - 1, min(len(batch), MOST_TRIALS))
    return batch.take(rows.round().long().to(batch.lengths.device))


@torch.no_grad()
def solve_for_bound(network: LatentSDENetwork, batch: Batch) -> None:
    """Solve the readouts for the bound on these trials, which reads single inferred paths."""
    # side by side in time, so that all paths of a trial are left out together
    read = torch.cat(list(path_units(network, batch, generate=False, paths=SINGLE)), 1)
    _solve_behavior(network, batch, read)
    _solve_labels(network, batch, read)


@torch.no_grad()
def solve_for_prediction(network: LatentSDENetwork, batch: Batch, generate: bool) -> None:
    """Solve the readouts for predictions of these trials, which read the mean over paths.

    Those for single paths would fall short: what spreads paths beside the data flattens them. Of
    labels, what is generated may know little: they are then read off inferred paths as well.
    """
    paths = path_units(network, batch, generate, PATHS)
    read = paths.mean(0)
    _solve_behavior(network, batch, read, paths)
    if generate and network.labels:
        read = torch.cat([path_units(network, batch, False, PATHS).mean(0), read], 1)
    _solve_labels(network, batch, read)


def _solve_behavior(
    network: LatentSDENetwork, batch: Batch, read: Tensor, paths: Tensor | None = None
) -> None:
    """Fit the behaviour of these trials to `read`, as many times over as it is long."""
    if network.behavior is not None and batch.behavior is not None:
        times = read.shape[1] // batch.valid.shape[1]
        behavior = torch.where(batch.inside[..., None], batch.behavior, torch.nan)
        network.behavior.solve(read, behavior.repeat(1, times, 1), paths)


def _solve_labels(network: LatentSDENetwork, batch: Batch, read: Tensor) -> None:
    """Fit the labels of these trials to `read`, as many times over as it is long."""
    times = read.shape[1] // batch.valid.shape[1]
    for name, observation in network.labels.items():
        assert isinstance(observation, CategoricalObservation)
        if name in batch.labels:
            codes = batch.labels[name]
            known = torch.where(codes < 0, torch.nan, codes.to(read.dtype))
            seen = read.unflatten(1, (times, -1))
            pooled = observation.pool(seen, batch.valid[:, None].expand(-1, times, -1))
            observation.solve(pooled, known[:, None].expand(-1, times))


def path_units(network: LatentSDENetwork, batch: Batch, generate: bool, paths: int) -> Tensor:
    """Draw what decoders see of several paths, (paths, trials, time, units × numbers)."""
    encoded, units = network.encode(batch, generating=generate), []
    shape_only = replace(batch, targets=batch.targets[..., :0])
    for path in range(paths):
        generator = path_generator(batch.targets.device, SEED, path)
        if generate or network.labels:
            drawn = network.draw(shape_only, encoded, generator, generate)
        else:  # no label reads several bins of one path: marginals do
            drawn = draw_at_once(network, shape_only, encoded, generator)
        units.append(drawn.units.flatten(-2))
    return torch.stack(units)
