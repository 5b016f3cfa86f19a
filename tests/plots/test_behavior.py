"""Velocity, hand paths and predicted behaviour beside what was measured."""

import numpy as np
import pytest

from tests.plots.lines import NAMES, PREDICTION, TRAIN, TRIALS, drawn, points
from undertow import analysis, plots
from undertow.errors import UndertowError


def test_velocity_draws_measured_and_decoded() -> None:
    velocity = analysis.decoded_velocity(TRAIN, PREDICTION)
    both = {"train": TRAIN, "baseline_train": TRAIN}
    axes = plots.velocity(PREDICTION, PREDICTION, **both, trials=[0, 3], names=NAMES)
    np.testing.assert_array_equal(drawn(axes[0, 1], "measured"), velocity.true[3, :, 0])
    for name in NAMES:
        found = drawn(axes[1, 0], f"decoded from {name}")
        np.testing.assert_array_equal(found, velocity.decoded[0, :, 1])
    assert axes[1, 0].get_ylabel() == "hand_vel_y\n(unit of the data)"
    assert axes[1, 0].get_xlabel() == "time from go cue (s)"


def test_paths_draw_measured_and_decoded_to_one_scale() -> None:
    velocity = analysis.decoded_velocity(TRAIN, PREDICTION)
    measured, moved = analysis.hand_paths(velocity, TRIALS)
    axes = plots.hand_paths(PREDICTION, train=TRAIN, names=NAMES)
    assert [ax.get_title(loc="left") for ax in axes] == ["measured", "decoded from mine"]
    for ax, path in zip(axes, (measured.position[0], moved.position[0]), strict=True):
        known = path[np.isfinite(path).all(axis=1)]
        np.testing.assert_array_equal(points(ax.get_lines()[0]), known)
        assert ax.get_aspect() == 1
    assert axes[0].get_ylabel() == "y (unit of the data)"


def test_a_decoder_needs_training_trials() -> None:
    for draw in (plots.velocity, plots.hand_paths):
        with pytest.raises(UndertowError, match=r"pass train=model\.predict\(training_trials\)"):
            draw(PREDICTION)
        with pytest.raises(UndertowError, match="pass baseline_train="):
            draw(PREDICTION, PREDICTION, train=TRAIN)


def test_behaviour_needs_a_model_that_predicts_it() -> None:
    with pytest.raises(UndertowError, match="predicts no behaviour"):
        plots.behavior(PREDICTION)
