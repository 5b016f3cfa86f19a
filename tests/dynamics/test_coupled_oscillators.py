"""Coupled oscillators: by hand, on their limit cycle, in the bistable form, and where Euler's step
is refused."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from tests.dynamics.fixtures import chosen, path_of, rolled, scalar, vector
from tests.dynamics.orders import slope
from tests.dynamics.variants import normal
from undertow.dynamics import CoupledOscillators, NeuralSDE
from undertow.errors import ModelError, StabilityError


def oscillators(n: int = 1, **options: Any) -> CoupledOscillators:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CoupledOscillators(2 * n, **{"timescale_s": 1.0, **options}).double()


def by_hand(
    x: np.ndarray, k: np.ndarray, alpha: np.ndarray, omega: np.ndarray, form: str, kind: str
) -> np.ndarray:
    """Equation 7 in complex numbers, oscillator by oscillator."""
    n = len(alpha)
    z = x[:n] + 1j * x[n:]
    dz = np.zeros(n, complex)
    for i in range(n):
        r2 = abs(z[i]) ** 2
        dz[i] = (alpha[i] + 1j * omega[i] + (2 * r2 - r2**2 if form == "bistable" else -r2)) * z[i]
        for j in range(n):
            dz[i] += k[i, j] * (z[j] - z[i] if kind == "diffusive" else z[j])
    return np.concatenate([dz.real, dz.imag])


@pytest.mark.parametrize("form", ["stuart-landau", "bistable"])
@pytest.mark.parametrize("kind", ["matrix", "diffusive", "scalar", "none"])
def test_drift_by_hand(form: str, kind: str) -> None:
    dynamics = oscillators(3, coupling=kind, form=form, input_dim=2)
    x, u = normal(6), normal(2, seed=1)
    with torch.no_grad():
        dynamics.alpha.copy_(vector(0.5, -0.3, 0.8))
        k = dynamics.coupling_matrix(u).numpy()
        found = dynamics.drift(0.0, x[None], u[None])[0].numpy()
    expected = by_hand(
        x.numpy(), k, dynamics.alpha.detach().numpy(), dynamics.omega.detach().numpy(), form, kind
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_coupling_matrix_is_linear_in_the_input() -> None:
    dynamics = oscillators(3, input_dim=2)
    u = normal(4, 5, 2)
    with torch.no_grad():
        found = dynamics.coupling_matrix(u)
        coupling = dynamics.coupling
        expected = coupling.constant + u[..., 0, None, None] * coupling.slope[0]
        expected = expected + u[..., 1, None, None] * coupling.slope[1]
    assert found.shape == (4, 5, 3, 3)
    assert torch.allclose(found, expected, atol=1e-15)
    assert torch.equal(dynamics.coupling_matrix(), coupling.constant)


def test_a_scalar_coupling_is_a_multiple_of_the_identity_and_a_diffusive_one_has_no_diagonal() -> (
    None
):
    scaled = oscillators(3, coupling="scalar").coupling_matrix()
    assert torch.equal(scaled, torch.eye(3).double() * scaled[0, 0])
    assert torch.equal(
        oscillators(3, coupling="diffusive").coupling_matrix().diagonal(), torch.zeros(3).double()
    )
    assert torch.equal(
        oscillators(3, coupling="none").coupling_matrix(), torch.zeros(3, 3).double()
    )


def test_the_drive_is_added_to_the_drift() -> None:
    dynamics = oscillators(2, drive=True, input_dim=1, coupling="none")
    x, u = normal(5, 4), normal(5, 1, seed=1)
    plain = chosen(oscillators(2, input_dim=1, coupling="none"))
    assert dynamics.network is not None
    added = torch.tanh(dynamics.network(torch.cat([x, u], -1)))
    assert torch.allclose(dynamics.drift(0.0, x, u), plain.drift(0.0, x, u) + added)
    h = scalar(0.05)
    kicked = plain.step(0.0, x + h * added, h, u)[0]
    assert torch.allclose(dynamics.step(0.0, x, h, u)[0], kicked, atol=1e-14)


@pytest.mark.parametrize("h", [0.01, 0.13, 0.5])
def test_an_uncoupled_oscillator_settles_on_its_circle_and_turns_at_its_frequency(h: float) -> None:
    """Radius √α and frequency ω to 1e-6 at any step, also one that turns by more than 2 radians."""
    dynamics = chosen(oscillators(coupling="none", noise=False), alpha=0.7, omega=4.3)
    path = path_of(dynamics, vector(0.2, -0.1), int(40 / h), h)
    radius = path[-1].norm()
    assert float(radius) == pytest.approx(math.sqrt(0.7), rel=1e-6)
    z = torch.complex(path[:, 0], path[:, 1])
    turned = torch.remainder((z[1:] / z[:-1]).angle(), 2 * math.pi)
    assert turned.tolist() == pytest.approx([4.3 * h] * len(turned), rel=1e-6)


@pytest.mark.parametrize("alpha", [0.9, 1e-5, 0.0, -0.6])
def test_the_radius_is_exact_for_any_growth_rate(alpha: float) -> None:
    """Also at α = 0, where r² = r₀² / (1 + 2 r₀² s), and there with a finite gradient."""
    dynamics = chosen(oscillators(coupling="none", noise=False), alpha=alpha)
    start, s = vector(1.1, 0.4), 0.8
    r2 = float(start.square().sum())
    exact = (
        alpha * r2 / (r2 + (alpha - r2) * math.exp(-2 * alpha * s))
        if alpha
        else r2 / (1 + 2 * r2 * s)
    )
    assert float(path_of(dynamics, start, 4, s / 4)[-1].square().sum()) == pytest.approx(
        exact, rel=1e-9
    )
    dynamics.step(0.0, start[None], scalar(s))[0].square().sum().backward()
    assert dynamics.alpha.grad is not None
    assert torch.isfinite(dynamics.alpha.grad).all()
    assert dynamics.alpha.grad > 0
    assert torch.isfinite(dynamics.step(0.0, torch.zeros(1, 2).double(), scalar(s))[0]).all()


@pytest.mark.parametrize("h", [0.05, 0.3, 1.0])
def test_the_bistable_form_keeps_rest_ridge_and_cycle(h: float) -> None:
    """For α = −0.5 rest is stable, r² = 1 − √½ is the ridge and r² = 1 + √½ the cycle."""
    dynamics = chosen(oscillators(coupling="none", noise=False, form="bistable"), alpha=-0.5)
    ridge, cycle = 1 - math.sqrt(0.5), 1 + math.sqrt(0.5)
    for r2, end in ((0.9 * ridge, 0.0), (1.1 * ridge, cycle), (50.0, cycle), (cycle, cycle)):
        path = path_of(dynamics, vector(math.sqrt(r2), 0.0), int(30 / h), h)
        assert float(path[-1].square().sum()) == pytest.approx(end, abs=1e-6)
    still = path_of(dynamics, vector(math.sqrt(ridge), 0.0), 1, h)[-1]
    assert float(still.square().sum()) == pytest.approx(ridge, rel=1e-12)


@pytest.mark.parametrize("rho", [1.2, 1.7, 2.5])
def test_the_bistable_step_has_the_stated_slope_at_a_cycle(rho: float) -> None:
    dynamics = chosen(
        oscillators(coupling="none", noise=False, form="bistable"), alpha=rho**2 - 2 * rho
    )
    start = scalar(rho).requires_grad_()
    end = (
        dynamics.step(0.0, torch.stack([start.sqrt(), scalar(0.0)])[None], scalar(0.4))[0]
        .square()
        .sum()
    )
    (slope_at_cycle,) = torch.autograd.grad(end, start)
    expected = 1 - 2 * (1 - math.exp(-2 * rho**2 * 0.4)) * (1 - 1 / rho)
    assert float(slope_at_cycle) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("form", ["stuart-landau", "bistable"])
def test_coupled_paths_converge_with_strong_order_one(form: str) -> None:
    """Against the same Brownian motion in steps 32 times finer than the finest."""
    dynamics = oscillators(2, form=form, drive=True)
    paths, finest, steps = 200, 1024, (8, 16, 32)
    increments, x0 = normal(paths, finest, 4), normal(paths, 4, seed=1)

    @torch.no_grad()
    def end(n: int) -> torch.Tensor:
        noise = increments.view(paths, n, finest // n, 4).sum(2) * (n / finest) ** 0.5
        return rolled(dynamics, x0, noise[:, :, None], 1 / n).states[:, -1]

    exact = end(finest)
    assert slope([float((end(n) - exact).norm(dim=1).mean()) for n in steps]) == pytest.approx(
        1, abs=0.15
    )


def test_the_splitting_stays_bounded_where_eulers_step_explodes() -> None:
    x0, noise = 50 * normal(20, 16), normal(20, 40, 1, 16, seed=1)
    for form in ("stuart-landau", "bistable"):
        states = rolled(oscillators(8, form=form), x0, noise, 0.5).states
        assert states[:, 20:].abs().max() < 10
    assert not torch.isfinite(
        rolled(oscillators(8, integrator="euler"), x0, noise, 0.1).states
    ).all()


# --- where Euler is refused -------------------------------------------------------------------


def test_eulers_step_is_refused_by_frequency_step_and_remedy() -> None:
    """3 cycles in 2.5 units of 0.2 s are 6 Hz, which turn by a radian in 26.5 ms."""
    dynamics = oscillators(4, integrator="euler", timescale_s=0.2, start_cycles=(0.5, 3))
    message = (
        r"a step of 30 ms with integrator='euler' turns the fastest oscillator \(6 Hz\) by "
        r"1.13 radians, "
        r"and must stay below 1: use steps shorter than 26.53 ms, or integrator='splitting'"
    )
    with pytest.raises(StabilityError, match=message):
        dynamics.check_stable(0.03)
    with pytest.raises(StabilityError, match="6 Hz"):
        dynamics.check_settings(0.03)
    dynamics.check_stable(0.026)
    oscillators(4, timescale_s=0.2, start_cycles=(0.5, 3)).check_stable(0.03)
    oscillators(4, integrator="rk4", timescale_s=0.2, start_cycles=(0.5, 3)).check_stable(0.03)


def test_frequencies_are_in_hertz_and_span_the_start() -> None:
    found = oscillators(6, timescale_s=0.4, start_cycles=(0.5, 3)).natural_frequencies_hz.tolist()
    assert found == pytest.approx(np.geomspace(0.5, 3, 6) / (2.5 * 0.4), rel=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"state_dim": 7}, "state_dim is 7: oscillators take two coordinates each, so use 6 or 8"),
        ({"state_dim": 0}, "state_dim is 0: it must be a whole number, at least 2"),
        (
            {"start_cycles": (1.0, 0.05)},
            r"start_cycles is \(1.0, 0.05\): it must be two positive numbers, the slower",
        ),
        (
            {"start_cycles": (0.0, 1.0)},
            r"start_cycles is \(0.0, 1.0\): it must be two positive numbers",
        ),
        (
            {"coupling": "full"},
            "coupling is 'full': it must be one of 'matrix', 'diffusive', 'scalar', 'none'",
        ),
        ({"form": "hopf"}, "form is 'hopf': it must be one of 'stuart-landau', 'bistable'"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        CoupledOscillators(**{"state_dim": 8, **settings})


def test_it_has_a_tenth_of_the_parameters_of_a_neural_sde() -> None:
    def learned(dynamics: torch.nn.Module) -> int:
        return sum(p.numel() for p in dynamics.parameters() if p.requires_grad)

    assert learned(CoupledOscillators(16, input_dim=2)) == 8 + 8 + 3 * 64 + 16
    assert learned(CoupledOscillators(16, input_dim=2)) < learned(NeuralSDE(16, input_dim=2)) / 10


def test_real_and_imaginary_parts_are_read_out_oscillator_by_oscillator() -> None:
    x = normal(2, 3, 8)
    units = oscillators(4).units(x)
    assert units.shape == (2, 3, 4, 2)
    assert torch.equal(units[..., 1, :], torch.stack([x[..., 1], x[..., 5]], -1))


# --- units that are still ---------------------------------------------------------------------


@pytest.mark.parametrize("form", ["stuart-landau", "bistable"])
def test_still_units_hold_what_they_are_given(form: str) -> None:
    """ω = 0 and dρ = −2βρ² ds, whatever the form: ρ = ρ₀ / (1 + 2βρ₀ s)."""
    dynamics = oscillators(4, still=0.25, form=form, coupling="none", noise=False)
    assert dynamics.natural_frequencies_hz[3:].tolist() == [0.0]
    assert (dynamics.natural_frequencies_hz[:3] > 0).all()
    start = vector(*[0.3] * 3, 0.8, *[0.1] * 3, -0.6)
    end = path_of(dynamics, start, 25, 0.1)[-1]
    assert end[[3, 7]].tolist() == pytest.approx([0.8 / 1.05**0.5, -0.6 / 1.05**0.5], rel=1e-7)
    free = chosen(oscillators(4, form=form, coupling="none", noise=False))
    others = [0, 1, 2, 4, 5, 6]
    with torch.no_grad():  # those that turn are as without it
        free.omega = dynamics.omega + torch.tensor([0, 0, 0, 1.0])
        assert torch.equal(
            dynamics.step(0.0, start, scalar(0.2))[0][others],
            free.step(0.0, start, scalar(0.2))[0][others],
        )
        drift, moved = dynamics.drift(0.0, start), dynamics.step(0.0, start, scalar(1e-7))[0]
    assert torch.allclose((moved - start) / 1e-7, drift, atol=1e-5)


def test_still_units_stay_so_in_learning() -> None:
    dynamics = oscillators(4, still=2)
    optimizer = torch.optim.Adam(dynamics.parameters(), lr=0.1)
    for k in range(3):
        optimizer.zero_grad()
        dynamics.step(0.0, normal(5, 8, seed=k), scalar(0.3))[0].square().sum().backward()
        optimizer.step()
    assert dynamics.omega[2:].tolist() == [0.0, 0.0]
    assert dynamics.alpha[2:].abs().min() > 0
    dynamics.omega = vector(1.0, 2.0, 3.0, 4.0)
    assert dynamics.omega.tolist() == pytest.approx([1.0, 2.0, 0.0, 0.0])


@pytest.mark.parametrize("still", [0.1, 1.5, 5, -1])
def test_a_wrong_number_of_still_units_is_refused(still: float) -> None:
    with pytest.raises(ModelError, match=rf"still is {still:g}"):
        CoupledOscillators(8, still=still)
