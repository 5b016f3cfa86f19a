"""What a model does not use is said once, before it is fitted, with what would use it."""

import warnings

import numpy as np

from tests.conftest import make_small_trials
from undertow.data import TrialSet
from undertow.errors import UnusedWarning
from undertow.models import Ensemble, LangevinFlow, LatentSDE
from undertow.training import Training

SMALL = make_small_trials()
SIGNALS = np.zeros((*SMALL.spikes.shape[:2], 2))
BARE = TrialSet(SMALL.spikes, SMALL.bin_s)
WITH = BARE.replace(stimulus=SIGNALS)


def test_a_stimulus_and_behaviour_without_velocities_are_named() -> None:
    model = LangevinFlow()
    assert model.unused_signals(WITH) == []
    (about,) = LangevinFlow.preset("paper").unused_signals(WITH)
    assert "langevin-flow does not use the stimulus (channels: 2)" in about
    assert "latent-sde" in about
    moving = BARE.replace(behavior=SIGNALS, behavior_names=("x", "y"))
    (about,) = model.unused_signals(moving)
    assert "does not use the behaviour (x, y)" in about
    assert "hand_vel_x" in about
    assert model.unused_signals(moving.replace(behavior_names=("vel_x", "vel_y"))) == []
    assert Ensemble(model).unused_signals(moving) == [about]
    assert LatentSDE().unused_signals(WITH) == []


def test_a_fit_warns_of_it_once() -> None:
    model = LangevinFlow(latent_dim=4, training=Training(epochs=1), samples=2)
    model.set_params(posterior__stimulus=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        model.fit(WITH)
    assert [each.category for each in caught].count(UnusedWarning) == 1
