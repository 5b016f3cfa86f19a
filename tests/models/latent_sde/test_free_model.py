"""`training_path='free'` as a model: fitted, saved, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.latent_sde.test_free import FULL, fit_free
from tests.models.latent_sde.test_network import equal
from tests.models.small_sde import N_TIME, TRIALS, fitted, small, with_times
from undertow.dynamics import GRU, HarmonicPotential, NeuralSDE, UnderdampedLangevin, from_function
from undertow.errors import ModelError
from undertow.models import LatentSDE, LSTMEncoding
from undertow.training import Training


@FULL
def test_it_learns_saves_and_loads_with_all_it_can_read(full: bool, tmp_path: Path) -> None:
    model = fit_free(
        regions="split", latent_dim=8, posterior__full_marginals=full, encoder__stride=2
    )
    losses = [row["loss"] for row in model.history_]
    assert np.isfinite(losses).all()
    loaded = LatentSDE.load(model.save(tmp_path / "model.safetensors"))
    assert loaded.training_path == "free"
    for mode in ("smooth", "generate"):
        assert equal(model.predict(TRIALS, mode=mode), loaded.predict(TRIALS, mode=mode))
    assert model.sample(3, stimulus=np.zeros((3, N_TIME, 2))).n_trials == 3


def test_training_lowers_the_loss() -> None:
    found = []
    for epochs in (1, 30):
        training = Training(epochs=epochs, batch_size=16, learning_rate=1e-2, validate_every=epochs)
        found.append(fit_free(training=training, kl__shape="constant").history_[-1]["loss"])
    assert found[1] < found[0] - 3


def test_irregular_times() -> None:
    trials = with_times(TRIALS, 0.004)
    prediction = fit_free(trials).predict(trials)
    assert np.isfinite(prediction.rates[trials.valid]).all()


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no noise": ({"dynamics": NeuralSDE(4, noise=False)}, "NeuralSDE has no noise.*'simulated'"),
    "positions without noise": (
        {"dynamics": UnderdampedLangevin(4, HarmonicPotential)},
        "UnderdampedLangevin has coordinates without noise.*infinite divergence",
    ),
    "noise of the state": (
        {"dynamics": NeuralSDE(4, diffusion="state")},
        "noise that does not depend on the state, and that of NeuralSDE does",
    ),
    "noise of the state by a function": (
        {"dynamics": from_function(lambda x, u: -x, 4, diffusion=lambda x, u: 0.1 + x.square())},
        "noise that does not depend on the state",
    ),
    "discrete dynamics": ({"dynamics": GRU(4)}, "needs an SDE, in continuous time, which GRU"),
    "another posterior": ({"posterior__kind": "drift"}, "posterior.kind is 'drift'.*'auto'"),
    "sleep": ({"posterior__sleep": 1.0}, "posterior.sleep learns from simulated paths"),
    "uncertain dynamics": (
        {"posterior__uncertain_dynamics": True},
        "posterior.uncertain_dynamics learns from simulated paths",
    ),
    "another path": ({"training_path": "both"}, "training_path"),
    "no times": ({"posterior__sampled_times": 0}, "posterior.sampled_times"),
    "no stride": ({"encoder__stride": 0}, "encoder.stride"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refusals_say_why(case: str) -> None:
    settings, message = REFUSED[case]
    with pytest.raises(ModelError, match=message):
        small(**({"training_path": "free", "signals__stimulus": False} | settings)).fit(TRIALS)


def test_simulated_paths_are_as_before() -> None:
    assert LatentSDE().training_path == "simulated"
    assert fitted().network_.free is None
    assert LSTMEncoding().direction() == "backward"
    assert LSTMEncoding().direction(simulated=False) == "both"


@pytest.mark.parametrize("effort", [{"refine": 3}, {"particles": 64}], ids=["refined", "particles"])
def test_each_trial_can_be_inferred_with_more_effort(effort: dict[str, int]) -> None:
    trials = TRIALS[:6]
    prediction = fit_free().predict(trials, samples=4, **effort)
    assert np.isfinite(prediction.rates[trials.valid]).all()
