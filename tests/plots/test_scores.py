"""Scores of single neurons, and training curves."""

import numpy as np
import pytest

from tests.plots.lines import BASELINE, NAMES, PREDICTION
from tests.report.records import make_prediction, make_trials
from undertow import analysis, plots
from undertow.errors import UndertowError
from undertow.models import LangevinFlow


def test_held_out_neurons_are_drawn_apart() -> None:
    table = analysis.neuron_table(PREDICTION, BASELINE)
    axes = plots.neurons(PREDICTION, BASELINE, names=NAMES)
    heights = [bar.get_height() for bar in axes[0].patches]
    np.testing.assert_array_equal(heights, np.sort(table.score)[::-1])
    held_in, held_out = axes[2].collections
    assert table.baseline is not None
    expected = np.column_stack([table.baseline, table.score])
    np.testing.assert_array_equal(held_in.get_offsets(), expected[~table.heldout])
    np.testing.assert_array_equal(held_out.get_offsets(), expected[table.heldout])
    assert axes[2].get_xlabel() == "theirs (bits/spike)"


def test_one_very_low_score_does_not_flatten_the_others() -> None:
    spikes = np.zeros((12, 15, 6))
    spikes[:, :7, :5] = 1
    spikes[0, 12, 5] = 1
    trials = make_trials(spikes=spikes, truth=None)
    prediction = make_prediction(trials)
    prediction.rates[:] = 0.2 + 49 * spikes
    prediction.rates[:, :, 5] = 0.01  # a spike it did not see coming
    prediction.rates[1, :, 5] = 40
    axes = plots.neurons(prediction)
    assert axes[0].get_ylim()[0] > -3
    assert "1 below" in axes[0].get_title(loc="left")
    assert len(axes[1].get_lines()[-1].get_xdata()) == 1


def test_one_very_low_score_of_the_baseline_does_not_either() -> None:
    low = make_prediction(make_trials())
    low.rates[:, :, 5] = 1e-3
    axes = plots.neurons(PREDICTION, low)
    least = min(analysis.neuron_table(PREDICTION, low).baseline)  # type: ignore[type-var, arg-type]
    assert least < -3 < axes[2].get_xlim()[0]
    assert axes[2].get_lines()[-1].get_marker() == "<"


def test_silent_neurons_have_no_score_to_draw() -> None:
    with pytest.raises(UndertowError, match="no neuron has a spike"):
        plots.neurons(make_prediction(make_trials(spikes=np.zeros((12, 15, 6)))))


def test_training_puts_both_sides_of_one_quantity_together() -> None:
    rows = [{"epoch": k, "train_loss": 1.0, "validation_loss": 0.0, "kl": 2.0} for k in range(3)]
    axes = plots.training(rows)
    assert [ax.get_title(loc="left") for ax in axes] == ["loss", "kl"]
    lines = axes[0].get_lines()
    assert [line.get_label() for line in lines] == ["train_loss", "validation_loss"]
    np.testing.assert_array_equal(lines[0].get_xydata(), [[0, 1], [1, 1], [2, 1]])
    assert axes[0].get_xlabel() == "epoch"
    assert axes[0].get_ylabel() == "nats per trial"


def test_seconds_are_no_course_of_learning() -> None:
    axes = plots.training([{"epoch": 1, "loss": 1.0, "seconds": 3.0}])
    assert [ax.get_title(loc="left") for ax in axes] == ["loss"]


def test_training_of_a_model_is_its_history() -> None:
    model = LangevinFlow()
    with pytest.raises(UndertowError, match="no training history"):
        plots.training(model)
    model.history_ = [{"epoch": 2.0, "loss": 3.0}]
    line, *_ = plots.training(model)[0].get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[2, 3]])
    with pytest.raises(UndertowError, match="no numbers besides the epoch"):
        plots.training([{"epoch": 1}])
