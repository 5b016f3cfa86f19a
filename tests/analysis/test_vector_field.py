"""Phase portraits: the drift on the grid is the drift of the dynamics there."""

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, fitted, with_times
from undertow.analysis import phase_portrait, principal_components
from undertow.dynamics import GRU, Kuramoto, NeuralSDE, UnderdampedLangevin
from undertow.errors import UndertowError


def test_grid_points_carry_the_drift_in_the_plane_per_second() -> None:
    model = fitted()
    found = phase_portrait(model, TRIALS, time_s=0.05, points=5, paths=3)
    states = model.inferred_states(TRIALS, paths=3)
    plane = principal_components(states, 2)
    assert found.bin == 2
    assert found.time_s == pytest.approx(0.05)
    there = TRIALS.valid[:, 2]
    np.testing.assert_allclose(
        found.inputs, model.encoded_inputs(TRIALS)[there, 2].mean(0), rtol=1e-6
    )
    np.testing.assert_array_equal(found.paths, plane.scores)
    dynamics = model.dynamics_
    for i, j in ((0, 0), (4, 1), (2, 3)):
        state = plane.mean + found.x[j] * plane.axes[0] + found.y[i] * plane.axes[1]
        drift = dynamics.drift(
            0.0,
            torch.tensor(state, dtype=torch.float32),
            torch.tensor(found.inputs, dtype=torch.float32),
        )
        velocity = plane.axes @ (drift.detach().numpy() / float(dynamics.timescale_s))
        np.testing.assert_allclose(found.velocity[i, j], velocity, rtol=1e-3, atol=1e-3)
    assert found.speed[1, 1] == pytest.approx(np.hypot(*found.velocity[1, 1]))


def test_inferred_states_are_what_predicted_latents_read() -> None:
    model = fitted()
    states = model.inferred_states(TRIALS, paths=2, seed=0)
    latents = model.predict(TRIALS).latents  # two samples
    np.testing.assert_allclose(
        states, np.concatenate([latents["a"], latents["b"]], axis=2), rtol=1e-4, atol=1e-6
    )
    assert np.isnan(states[~TRIALS.valid]).all()


@pytest.mark.parametrize(
    "dynamics", [NeuralSDE(3), NeuralSDE(3, noise=False), Kuramoto(3), UnderdampedLangevin(8)]
)
def test_any_sde_has_one(dynamics: torch.nn.Module) -> None:
    trials = TRIALS.replace(stimulus=None)
    found = phase_portrait(fit(trials, dynamics=dynamics), trials, points=4, paths=2)
    assert found.velocity.shape == (4, 4, 2)
    assert np.isfinite(found.velocity).all()
    assert found.inputs.shape == (0,)


def test_inputs_may_be_given() -> None:
    model, u = fitted(), np.array([2.0, -1.0])
    found = phase_portrait(model, TRIALS, inputs=u, points=4, paths=2)
    np.testing.assert_array_equal(found.inputs, u)
    assert found.bin is None
    assert found.time_s is None


def test_what_has_no_portrait_says_why() -> None:
    with pytest.raises(UndertowError, match="GRU is no SDE"):
        phase_portrait(fit(dynamics=GRU(4)), TRIALS)
    with pytest.raises(UndertowError, match="the state has one coordinate"):
        phase_portrait(fit(TRIALS.replace(stimulus=None), dynamics=NeuralSDE(1)), TRIALS)
    with pytest.raises(UndertowError, match=r"inputs has shape \(3,\): it must be \(2,\)"):
        phase_portrait(fitted(), TRIALS, inputs=np.zeros(3))
    irregular = with_times(TRIALS, 0.004)
    model = fit(irregular)
    with pytest.raises(UndertowError, match="irregular times: give the inputs"):
        phase_portrait(model, irregular)
    assert phase_portrait(
        model, irregular, inputs=np.zeros(2), points=3, paths=2
    ).velocity.shape == (3, 3, 2)
