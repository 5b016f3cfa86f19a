"""The reaching set: kinematics in closed form, sizes, seeds, and what it lets one try."""

import numpy as np
import pytest

from undertow import datasets
from undertow.errors import DataError
from undertow.evaluation import truth_statistics
from undertow.systems.reaching import Reaches


def test_velocity_is_the_derivative_of_position_and_ends_with_the_reach() -> None:
    reaches = Reaches(np.array([0.0, 2.0]), np.array([80.0, 50.0]), np.array([0.3, 0.4]))
    time_s, step = np.linspace(-0.1, 0.5, 601), 1e-6
    slope = reaches.position_mm(time_s + step) - reaches.position_mm(time_s - step)
    np.testing.assert_allclose(reaches.velocity_mm_s(time_s), slope / (2 * step), atol=1e-3)
    ends = reaches.position_mm(np.array([-0.1, 0.45]))
    np.testing.assert_array_equal(ends[:, 0], 0.0)
    np.testing.assert_allclose(np.linalg.norm(ends[:, 1], axis=1), [80.0, 50.0])


def test_the_set_has_the_sizes_and_words_of_a_maze_recording() -> None:
    trials = datasets.maze_like()
    assert trials.shape == (120, 25, 100)
    assert trials.bin_s == 0.02
    assert trials.event == "movement onset"
    assert trials.behavior_names == ("hand_pos_x", "hand_pos_y", "hand_vel_x", "hand_vel_y")
    assert trials.condition is not None
    assert (np.bincount(trials.condition) == 15).all()
    assert trials.truth is not None
    np.testing.assert_allclose(trials.truth.mean(axis=(0, 1)), 10.0, rtol=1e-5)
    assert trials.truth.max() < 250


def test_a_seed_makes_the_same_set_and_another_one_another() -> None:
    first, again, other = (
        datasets.maze_like(conditions=2, trials_per_condition=3, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.spikes, again.spikes)
    assert (first.spikes != other.spikes).any()


def test_the_true_rates_tell_the_velocity_and_differ_between_trials_of_a_target() -> None:
    trials = datasets.maze_like()
    assert truth_statistics(trials[:40], trials[40:])["velocity R2"].value > 0.7
    same = trials[trials.condition == 0].truth
    assert same is not None
    assert same.std(axis=0).max() > 1.0


@pytest.mark.parametrize(
    ("setting", "rule"),
    [({"conditions": 0}, "conditions is 0"), ({"variability": 2.0}, "variability is 2.0")],
)
def test_settings_out_of_range(setting: dict[str, float], rule: str) -> None:
    with pytest.raises(DataError, match=rule):
        datasets.maze_like(**setting)  # type: ignore[arg-type]
