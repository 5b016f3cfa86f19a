"""The general integrators: by hand, and their strong and weak orders on systems with known
solutions."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.dynamics.fixtures import path_of, rolled, scalar, vector
from tests.dynamics.orders import SIGMA, STEPS, law_errors, slope, strong_errors
from tests.dynamics.variants import normal
from undertow.dynamics import Dynamics, NeuralSDE, from_function
from undertow.errors import ModelError

INTEGRATORS = {"euler": 1, "heun": 2, "rk4": 4}
RATE = 2.0


def decay(x: Tensor, u: Tensor | None) -> Tensor:
    return -RATE * x


def process(integrator: str) -> Dynamics:
    """dx = −2x ds + σ dW."""
    dynamics = from_function(decay, 1, integrator=integrator, timescale_s=1.0).double()
    with torch.no_grad():
        dynamics.diffusivity.raw.copy_(scalar(SIGMA - 1e-3).expm1().log())
    return dynamics


@pytest.mark.parametrize(("integrator", "order"), INTEGRATORS.items())
def test_order_without_noise(integrator: str, order: int) -> None:
    """dx = x (1 − x) ds, whose solution is the logistic function."""
    dynamics = from_function(
        lambda x, u: x * (1 - x), 1, noise=False, integrator=integrator, timescale_s=1.0
    ).double()
    exact = 1 / (1 + 9 * math.exp(-1.0))
    errors = [
        abs(float(path_of(dynamics, vector(0.1), n, 1 / n)[-1, 0]) - exact) for n in STEPS[:3]
    ]
    assert slope(errors) == pytest.approx(order, abs=0.12)


@pytest.mark.parametrize(("integrator", "order"), INTEGRATORS.items())
def test_weak_order_with_additive_noise(integrator: str, order: int) -> None:
    """The mean of an Ornstein–Uhlenbeck process converges as without noise, its variance with order
    1."""
    mean_errors, var_errors = law_errors(process(integrator), RATE)
    assert slope(mean_errors) == pytest.approx(order, abs=0.2)
    assert slope(var_errors) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("integrator", INTEGRATORS)
def test_strong_order_with_additive_noise_is_one(integrator: str) -> None:
    errors, error_of_slope = strong_errors(process(integrator), RATE)
    assert slope(errors) == pytest.approx(1, abs=0.1 + 4 * error_of_slope)


def geometric_errors(mu: float, volatility: float) -> list[torch.Tensor]:
    """x(1) of Euler–Maruyama less x₀ exp(μ − v²/2 + v W(1)), dx = μ x ds + v x dW, for each of
    STEPS, (paths,)."""
    paths, fine = 20_000, 64
    dynamics = from_function(
        lambda x, u: mu * x, 1, diffusion=lambda x, u: volatility * x.abs() + 1e-12, timescale_s=1.0
    ).double()
    increments, x0 = normal(paths, fine), torch.ones(paths, 1).double()
    exact = torch.exp(mu - volatility**2 / 2 + volatility * increments.sum(1) * fine**-0.5)
    errors = []
    for n in STEPS:
        noise = increments.view(paths, n, 1, fine // n).sum(-1, keepdim=True) * (n / fine) ** 0.5
        with torch.no_grad():
            errors.append(rolled(dynamics, x0, noise, 1 / n).states[:, -1, 0] - exact)
    return errors


def test_eulers_strong_order_on_geometric_brownian_motion_is_a_half() -> None:
    sizes = [error.abs() for error in geometric_errors(0.1, 1.0)]
    relative = max(float(size.std() / size.mean()) / len(size) ** 0.5 for size in sizes)
    tolerance = 0.07 + 4 * 2 * relative / math.log(STEPS[-1] / STEPS[0])
    assert slope([float(size.mean()) for size in sizes]) == pytest.approx(0.5, abs=tolerance)


def test_eulers_weak_order_on_geometric_brownian_motion_is_one() -> None:
    """E x(1) is (1 + μ/n)ⁿ in n steps, e^μ in truth."""
    mu, errors = 1.5, geometric_errors(1.5, 0.3)
    biases = [-float(error.mean()) for error in errors]
    standard_errors = [float(error.std()) / len(error) ** 0.5 for error in errors]
    for n, bias, standard_error in zip(STEPS, biases, standard_errors, strict=True):
        assert bias == pytest.approx(math.exp(mu) - (1 + mu / n) ** n, abs=4 * standard_error)
    relative = max(e / b for e, b in zip(standard_errors, biases, strict=True))
    tolerance = 0.12 + 4 * 2 * relative / math.log(STEPS[-1] / STEPS[0])
    assert slope(biases) == pytest.approx(1, abs=tolerance)


@torch.no_grad()
def test_noise_of_a_step_by_hand() -> None:
    dynamics = process("euler")
    mean, std = dynamics.step(0.0, vector(0.5)[None], scalar(0.04))
    assert float(mean) == pytest.approx(0.5 * 0.92)
    assert float(std) == pytest.approx(0.2 * SIGMA)
    assert float(dynamics.diffusion(0.0, vector(0.5)[None])) == pytest.approx(SIGMA)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"state_dim": 0}, "state_dim is 0: it must be a whole number, at least 1"),
        ({"state_dim": 2.5}, "state_dim is 2.5: it must be a whole number"),
        ({"input_dim": -1}, "input_dim is -1: it must be a whole number, at least 0"),
        (
            {"integrator": "midpoint"},
            "integrator is 'midpoint': it must be one of 'euler', 'heun', 'rk4'",
        ),
        (
            {"diffusion": "dense"},
            "diffusion is 'dense': it must be one of 'constant', 'state', 'input'",
        ),
        ({"diffusion": "input"}, "diffusion='input' needs an input"),
        (
            {"diffusion": "state", "integrator": "heun"},
            "integrator='heun' needs noise that does not depend",
        ),
        ({"timescale_s": -1.0}, "timescale_s is -1.0: it must be above zero"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        NeuralSDE(**{"state_dim": 4, **settings})


def test_a_missing_input_is_zero() -> None:
    dynamics = NeuralSDE(3, input_dim=2).double()
    x = normal(5, 3)
    assert torch.equal(dynamics.drift(0.0, x), dynamics.drift(0.0, x, torch.zeros(5, 2).double()))
