"""The contract of `SDE`, over every exported SDE and its variants: the step against drift and
diffusion."""

import pytest
import torch

from tests.dynamics.fixtures import rolled
from tests.dynamics.variants import (
    EVERY_SDE,
    SDES,
    STATE_DIM,
    TRIALS,
    Make,
    covariance,
    double,
    normal,
)
from undertow.dynamics import IntegratedSDE
from undertow.dynamics.diffusions import FullDiffusion


@EVERY_SDE
def test_shapes_and_device(make: Make) -> None:
    dynamics = double(make)
    x, u = normal(TRIALS, 4, STATE_DIM), normal(TRIALS, 4, 1)
    assert dynamics.drift(0.0, x, u).shape == dynamics.diffusion(0.0, x, u).shape == x.shape
    meta = dynamics.to("meta")
    assert meta.drift(0.0, x.to("meta"), u.to("meta")).device.type == "meta"
    assert meta.diffusion(0.0, x.to("meta"), u.to("meta")).device.type == "meta"


@EVERY_SDE
def test_only_noisy_coordinates_diffuse(make: Make) -> None:
    dynamics = double(make)
    diffusion = dynamics.diffusion(0.0, normal(TRIALS, STATE_DIM))
    noisy = torch.zeros(STATE_DIM, dtype=torch.bool)
    noisy[dynamics.noisy] = True
    assert int(noisy.sum()) == dynamics.noise_dim
    assert (diffusion[:, noisy] > 0).all()
    assert (diffusion[:, ~noisy] == 0).all()


@EVERY_SDE
def test_step_follows_drift_and_diffusion_as_it_shrinks(make: Make) -> None:
    """Mean − (x + h drift) is O(h²) and covariance − h diffusion² is O(h²): a quarter at half the
    step."""
    dynamics = double(make)
    x, u = normal(TRIALS, STATE_DIM), normal(TRIALS, 1, seed=3)

    @torch.no_grad()
    def errors(h: float) -> tuple[float, float]:
        mean, std = dynamics.step(0.0, x, torch.tensor(h, dtype=torch.float64), u)
        law_var = torch.diag_embed(dynamics.diffusion(0.0, x, u)[:, dynamics.noisy].square())
        own = dynamics.diffusivity if isinstance(dynamics, IntegratedSDE) else None
        if isinstance(own, FullDiffusion):
            law_var = (own.factor @ own.factor.T).expand_as(law_var)
        drift_error = (mean - x - h * dynamics.drift(0.0, x, u)).norm()
        return float(drift_error), float((covariance(dynamics, std) - h * law_var).norm())

    for coarse, fine in zip(errors(1e-4), errors(5e-5), strict=True):
        assert fine == pytest.approx(coarse / 4, rel=0.01) or coarse < 1e-13


def test_bin_width_changes_the_steps_not_the_model() -> None:
    """Four bins of 5 ms are two bins of 10 ms in two steps each."""
    wrong = []
    for name, make in SDES.items():
        dynamics = double(make)
        x0, noise = normal(TRIALS, STATE_DIM), normal(TRIALS, 4, 1, dynamics.noise_dim, seed=1)
        fine = rolled(dynamics, x0, noise, 0.005)
        coarse = rolled(dynamics, x0, noise.reshape(TRIALS, 2, 2, dynamics.noise_dim), 0.01)
        if not (fine.states[:, ::2] - coarse.states).abs().max() < 1e-12:
            wrong.append(name)
    assert not wrong
