"""Turning the state to the modes of inferred paths: what a network does stays the same."""

import copy
from functools import cache

import pytest
import torch
from torch import Tensor

from tests.models.small_sde import TRIALS, fit
from undertow.dynamics import CoupledOscillators, LinearSDE
from undertow.errors import ModelError
from undertow.models import LatentSDE, PathPosterior
from undertow.models.latent_sde.aligning import (
    RADIUS,
    align,
    can_align,
    mode_aligner,
    modes,
    turn_coordinates,
)
from undertow.models.latent_sde.network import LatentSDENetwork


def turning(mixing: Tensor, radians: tuple[float, ...], trials: int = 20, bins: int = 60) -> Tensor:
    """Paths in which so many planes turn by these angles a bin, seen through a mixing."""
    generator = torch.Generator().manual_seed(0)
    phase = 6.3 * torch.rand(trials, 1, len(radians), generator=generator, dtype=torch.float64)
    angle = phase + torch.arange(bins)[:, None] * torch.tensor(radians, dtype=torch.float64)
    return torch.cat([angle.cos(), angle.sin()], -1) @ mixing.T


def test_modes_are_found_behind_any_mixing() -> None:
    mixing = torch.randn(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    planted = (0.1, 0.2, 0.35)
    paths = turning(mixing, planted)
    found = modes(paths - paths.mean((0, 1)))
    assert found is not None
    columns, turn = found
    assert turn.sort().values.numpy() == pytest.approx(planted, rel=1e-2)
    own = torch.linalg.solve(columns, paths.reshape(-1, 6).T).T
    radius = (own[:, :3].square() + own[:, 3:].square()).sqrt()
    assert radius.numpy() == pytest.approx(RADIUS, rel=0.1)
    # in its own plane every mode turns at its own pace, and in the sense of a frequency above zero
    z = torch.complex(own[:, :3], own[:, 3:]).unflatten(0, (20, -1))
    paces = (z[:, 1:] / z[:, :-1]).angle().mean((0, 1))
    assert paces.numpy() == pytest.approx(turn.numpy(), rel=0.05)


def test_paths_that_only_decay_have_no_modes() -> None:
    rates = torch.tensor([0.5, 0.7, 0.8, 0.9], dtype=torch.float64)
    starts = torch.randn(8, 1, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert modes(starts * rates ** torch.arange(12, dtype=torch.float64)[:, None]) is None


def test_paths_that_leave_a_direction_unused_have_no_modes() -> None:
    paths = turning(torch.eye(4, dtype=torch.float64), (0.1, 0.2))
    assert modes(paths) is not None
    paths[..., 3] = paths[..., 1]
    assert modes(paths) is None
    assert modes(torch.zeros_like(paths)) is None


def posterior_only(network: LatentSDENetwork) -> list[Tensor]:
    """Log-rates, behaviour and logits at the mean initial state and a step of the drift later."""
    batch = fitted().read(TRIALS)
    encoded = network.encode(batch)
    law, steering = network.initial_law(encoded), network.steering
    assert steering is not None
    prepared = steering.prepare(encoded.context, encoded.inputs)
    assert prepared is not None
    x = law.mean
    onward = x + 0.1 * steering.network(x, prepared[:, 0])  # type: ignore[operator]
    read = []
    for state in (x, onward):
        units = network.dynamics.units(state[:, None]).flatten(-2)
        features = network.decoder(units, batch.valid, batch.time_s)
        read.append(network.observation.mean(features).log())
        assert network.behavior is not None
        read += [network.behavior.predicted(units), network.behavior.logvar(units)]  # type: ignore[operator]
        read += [law.readout(units) for law in network.labels.values()]  # type: ignore[operator, union-attr]
    return read


@cache
def fitted() -> LatentSDE:
    return fit(posterior__kind="drift", dynamics=CoupledOscillators(4))


def test_what_is_decoded_along_the_posterior_stays_the_same() -> None:
    network = copy.deepcopy(fitted().network_).eval()
    with torch.no_grad():
        before = posterior_only(network)
        mixed = torch.randn(4, 4, generator=torch.Generator().manual_seed(2))
        turn_coordinates(network, torch.linalg.inv(mixed), mixed)
        after = posterior_only(network)
    for one, two in zip(before, after, strict=True):
        assert two.numpy() == pytest.approx(one.numpy(), rel=1e-3, abs=1e-4)


def test_it_is_for_oscillators_that_all_neurons_read() -> None:
    assert can_align(fitted().network_)
    for other in (
        {"posterior__kind": "controlled", "dynamics": CoupledOscillators(4)},
        {"posterior__kind": "drift", "dynamics": LinearSDE(4)},
        {"posterior__kind": "drift", "dynamics": CoupledOscillators(6), "regions": "split"},
        {"posterior__kind": "drift", "dynamics": CoupledOscillators(4, diffusion="state")},
    ):
        assert not can_align(fit(**other).network_)


def test_asked_for_where_it_cannot_be_it_is_refused() -> None:
    with pytest.raises(ModelError, match=r"align_modes is True with posterior\.kind='auto'"):
        PathPosterior(align_modes=True)
    aligned = PathPosterior("drift", align_modes=True)
    with pytest.raises(ModelError, match="coupled oscillators without still units"):
        fit(posterior=aligned, dynamics=CoupledOscillators(4, still=1))
    fit(posterior=aligned, dynamics=CoupledOscillators(4))


def test_growth_and_coupling_start_again_and_noise_follows() -> None:
    network = copy.deepcopy(fitted().network_).eval()
    batch = fitted().read(TRIALS)
    with torch.no_grad():
        network.dynamics.alpha.fill_(9.0)  # type: ignore[operator, union-attr]
    if align(network, batch):
        assert float(network.dynamics.alpha.max()) == 0.5  # type: ignore[operator, union-attr]
        assert float(network.dynamics.coupling.matrix().abs().max()) == 0  # type: ignore[operator, union-attr]
    assert all(p.isfinite().all() for p in network.parameters())


def test_it_acts_in_a_stretch_of_training_and_restarts_the_average() -> None:
    network = copy.deepcopy(fitted().network_)
    solve = mode_aligner(network, fitted().read(TRIALS))
    before = copy.deepcopy(network.state_dict())
    for progress, training in ((0.0, True), (0.1, True), (0.8, True), (0.5, False)):
        assert not solve(network.train(training), progress)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
    moved = solve(network.train(), 0.5)
    same = all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert moved != same
    assert network.training
