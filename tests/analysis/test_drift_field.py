"""The field of drift: what is in it, by the model's own dynamics, and its refusals."""

import numpy as np
import pytest
import torch

from tests.models import small_gp, small_sde
from undertow.analysis import drift_field, phase_portrait, principal_components
from undertow.errors import UndertowError
from undertow.models import Ensemble


def test_it_is_the_dynamics_per_second_in_the_plane_of_the_paths() -> None:
    model = small_gp.fitted()
    field = drift_field(model, small_gp.TRIALS, points=5)
    found = principal_components(model.inferred_states(small_gp.TRIALS), 2)
    states = found.mean + np.stack(np.meshgrid(field.x, field.y), -1) @ found.axes
    dynamics, x = model.dynamics_, torch.tensor(states)
    seconds = float(dynamics.timescale_s.detach())
    with torch.no_grad():
        drift = dynamics.drift(0.0, x).numpy() @ found.axes.T / seconds
        var = dynamics.drift_std(0.0, x).numpy() ** 2 / seconds**2
        regimes = dynamics.regimes(x).numpy()
    np.testing.assert_allclose(field.velocity, drift)
    np.testing.assert_allclose(field.regimes, regimes)
    for k in range(2):  # a sum of independent parts
        np.testing.assert_allclose(field.velocity_std[..., k] ** 2, var @ found.axes[k] ** 2)
    np.testing.assert_allclose(field.uncertainty**2, (field.velocity_std**2).sum(-1))
    np.testing.assert_allclose(field.speed, np.linalg.norm(field.velocity, axis=-1))
    assert field.paths.shape == (24, 25, 2)


def test_the_drift_is_less_certain_where_no_path_went() -> None:
    field = drift_field(small_gp.fitted(), small_gp.TRIALS, points=9)
    centre, corners = field.uncertainty[4, 4], field.uncertainty[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert corners.mean() > 1.5 * centre


def test_of_an_ensemble_it_is_the_first_members() -> None:
    model = small_gp.fitted()
    one, other = (
        drift_field(each, small_gp.TRIALS, points=4)
        for each in (model, Ensemble.of([model, model]))
    )
    np.testing.assert_array_equal(one.velocity, other.velocity)


def test_it_needs_a_gp_slds_and_a_phase_portrait_a_latent_sde() -> None:
    with pytest.raises(UndertowError, match="that of a GPSLDS, and this is a LatentSDE"):
        drift_field(small_sde.fitted(), small_sde.TRIALS)
    with pytest.raises(UndertowError, match="this is a GPSLDS"):
        phase_portrait(small_gp.fitted(), small_gp.TRIALS)
    flat = small_gp.fit(latent_dim=1, em__iterations=1)
    with pytest.raises(UndertowError, match="one coordinate"):
        drift_field(flat, small_gp.TRIALS)
    with pytest.raises(UndertowError, match=r"inputs has shape \(1,\)"):
        drift_field(small_gp.fitted(), small_gp.TRIALS, inputs=[1.0])
