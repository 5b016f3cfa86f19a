"""Turning the state's coordinates to the modes in which inferred paths turn.

Every oscillator has a plane of the state to itself. While the posterior's paths have a drift of
their own, they soon show what turns in the data, and how fast; but each rhythm lies across the
planes of several oscillators, whose frequencies then see a mixture, and no small step can part
them. The modes of a linear fit to the paths can: in their coordinates each rhythm has a plane.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.decoders import RegionalDecoder
from undertow.dynamics import CoupledOscillators
from undertow.dynamics.coupled_oscillators import START_ALPHA
from undertow.dynamics.diffusions import ConstantDiffusion
from undertow.errors import ModelError
from undertow.inference import DriftSteering, InitialHead
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.readouts import spread_out
from undertow.randomness import path_generator
from undertow.training import Solve

LAG_BINS, PATHS, SEED = 2, 8, 0
STRETCH = 0.2, 0.7
"""Shares of training between which coordinates are turned: paths must have learned to turn before,
and what starts again must have time to learn after."""
RADIUS = math.sqrt(START_ALPHA["stuart-landau"])
"""Of a cycle, where an oscillator starts: modes are scaled to it."""
LEAST_TURN = 1e-3
"""Radians per bin below which a mode does not turn."""


def can_align(network: LatentSDENetwork) -> bool:
    """Whether a network's coordinates can be turned without changing what it does.

    It takes coupled oscillators that all neurons read, each noise of its own and constant, and a
    posterior with a drift of its own.
    """
    dynamics, steering = network.dynamics, network.steering
    return (
        isinstance(dynamics, CoupledOscillators)
        and dynamics.n_still == 0
        and isinstance(dynamics.diffusivity, ConstantDiffusion)
        and isinstance(steering, DriftSteering)
        and not steering.network.bounded
        and isinstance(network.decoder, RegionalDecoder)
        and len(network.unit_groups) == 1
        and isinstance(network.initial, InitialHead)
        and network.initial.gaussian.variance == "exp"
    )


def mode_aligner(network: LatentSDENetwork, batch: Batch) -> Solve:
    """Return a function that aligns the network in training at each validation of a stretch of it.

    Raises:
        ModelError: for a network that cannot be aligned.
    """
    if not can_align(network):
        raise ModelError(
            "posterior.align_modes is True, for which the state must be that of coupled "
            "oscillators without still units, which all neurons read, with constant noise, an "
            "inferred start of variances 'exp', and an unbounded posterior.kind='drift': leave it "
            "False."
        )
    some = spread_out(batch)

    def solve(network: nn.Module, progress: float) -> bool:
        assert isinstance(network, LatentSDENetwork)
        if not network.training or not STRETCH[0] <= progress <= STRETCH[1]:
            return False
        network.eval()
        aligned = align(network, some)
        network.train()
        return aligned

    return solve


@torch.no_grad()
def align(network: LatentSDENetwork, batch: Batch) -> bool:
    """Turn the coordinates to the modes of the inferred paths, and set the frequencies to theirs.

    Decoder, initial law and the posterior's drift go on as before; growth rates and couplings,
    which have no counterpart in the new coordinates, start again. False, with nothing changed,
    where there are fewer modes that turn than oscillators.
    """
    found = modes(mean_path(network, batch))
    if found is None:
        return False
    columns, turn = found
    turn_coordinates(network, torch.linalg.inv(columns).float(), columns.float())
    dynamics = network.dynamics
    assert isinstance(dynamics, CoupledOscillators)
    bin_units = network.bin_s / float(dynamics.timescale_s)
    dynamics.log_omega.copy_((turn / bin_units).log().to(dynamics.log_omega.dtype))
    dynamics.alpha.fill_(START_ALPHA[dynamics.form])
    for weights in dynamics.coupling.parameters():
        weights.zero_()
    return True


def mean_path(network: LatentSDENetwork, batch: Batch) -> Tensor:
    """Average the inferred state over paths, (trials, time, state_dim), about its mean."""
    encoded, total = network.encode(batch), torch.zeros(())
    shape_only = replace(batch, targets=batch.targets[..., :0])
    for path in range(PATHS):
        generator = path_generator(batch.targets.device, SEED, path)
        total = total + network.draw(shape_only, encoded, generator).states
    return (total - total.mean((0, 1))) / PATHS


def modes(paths: Tensor) -> tuple[Tensor, Tensor] | None:
    """Fit x(t + lag) = M x(t) and return the turning modes of M.

    Args:
        paths: (trials, time, 2N), about their mean.

    Returns:
        The modes as columns, [real parts, imaginary parts], (2N, 2N), scaled so that paths in these
        coordinates go round a circle of radius `RADIUS` or so; and the turn of each in radians a
        bin, (N,). None where fewer than N modes turn, or paths leave a direction unused.
    """
    paths, dim = paths.double(), paths.shape[-1]
    before, after = (part.reshape(-1, dim) for part in (paths[:, :-LAG_BINS], paths[:, LAG_BINS:]))
    square = before.T @ before
    if torch.linalg.matrix_rank(square, hermitian=True) < dim:
        return None  # some direction is not used at all
    step = torch.linalg.solve(square, before.T @ after).T
    values, vectors = torch.linalg.eig(step)
    turn = values.angle() / LAG_BINS
    # the slowest first: aligned again, coordinates then stay where they are
    order = turn.argsort()
    turning = order[turn[order] > LEAST_TURN]
    if len(turning) < dim // 2:
        return None
    mode = vectors[:, turning]
    # of x = Re(c e^{iωt} v) the parts a + ib = c e^{iωt} stand before Re v and −Im v
    columns = torch.cat([mode.real, -mode.imag], 1)
    parts = torch.linalg.solve(columns, paths.reshape(-1, dim).T)
    radius = parts.square().mean(1).unflatten(0, (2, -1)).sum(0).sqrt().repeat(2)
    return columns * radius / RADIUS, turn[turning]


def turn_coordinates(network: LatentSDENetwork, into: Tensor, back: Tensor) -> None:
    """Write every map from and to the state in new coordinates y = `into` x, x = `back` y."""
    _turn_posterior(network, into, back)
    dynamics, decoder = network.dynamics, network.decoder
    assert isinstance(dynamics, CoupledOscillators)
    assert isinstance(dynamics.diffusivity, ConstantDiffusion)
    assert isinstance(decoder, RegionalDecoder)
    std: Tensor = dynamics.diffusivity(into[0])
    dynamics.diffusivity.set_std((into.square() @ std.square()).sqrt())
    # decoders read the units one after another, the state holds all real parts first
    place = torch.arange(len(into), device=into.device).unflatten(0, (2, -1)).T.flatten()
    readouts = (network.behavior, *network.labels.values())
    reading = [m for each in readouts if each is not None for m in each.modules()]
    for linear in (decoder.hidden.blocks[0], *reading):
        if isinstance(linear, nn.Linear):
            weight = torch.empty_like(linear.weight)
            weight[:, place] = linear.weight
            linear.weight.copy_((weight @ back)[:, place])


def _turn_posterior(network: LatentSDENetwork, into: Tensor, back: Tensor) -> None:
    steering, initial, dim = network.steering, network.initial, len(into)
    assert isinstance(steering, DriftSteering)
    assert initial is not None
    drift, head = steering.network, initial.gaussian.linear
    drift.state.weight.copy_(drift.state.weight @ back)
    drift.out.weight.copy_(into @ drift.out.weight)
    drift.out.bias.copy_(into @ drift.out.bias)
    head.weight[:dim] = into @ head.weight[:dim]
    head.bias[:dim] = into @ head.bias[:dim]
    # the variances of the new coordinates at the offset; covariances start again
    head.bias[dim:] = (into.square() @ head.bias[dim:].exp()).log()
    if initial.below is not None:
        initial.below.weight.zero_()
        initial.below.bias.zero_()
