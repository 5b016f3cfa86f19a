"""Rates beside spikes: exactly what analysis returns, of the trials, neurons and conditions asked
for."""

import numpy as np
import pytest

from tests.plots.lines import AXIS, BASELINE, NAMES, PREDICTION, TRIALS, drawn
from tests.report.records import make_prediction, make_trials
from undertow import analysis, plots
from undertow.errors import UndertowError


def test_single_trials_draw_rates_truth_band_and_spikes() -> None:
    data = analysis.single_trial_rates(PREDICTION, BASELINE)
    axes = plots.single_trials(PREDICTION, BASELINE, names=NAMES)
    assert axes.shape == (4, 3)
    for neuron, trial in ((0, 0), (2, 1)):
        ax, pick = axes[neuron, trial], (trial, slice(None), neuron)
        np.testing.assert_array_equal(drawn(ax, "mine"), data.rates[pick])
        np.testing.assert_array_equal(drawn(ax, "true rate"), data.truth[pick])  # type: ignore[index]
        np.testing.assert_array_equal(drawn(ax, "theirs"), data.baseline[pick])  # type: ignore[index]
        band, ticks = ax.collections[:2]
        lowest = data.low[pick].min()  # type: ignore[index]
        assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(lowest)
        assert len(ticks.get_paths()) == (data.spikes[pick] > 0).sum()
    assert axes[0, 0].get_ylabel() == "rate (spikes/s)"
    assert axes[3, 2].get_xlabel() == "time from go cue (s)"
    assert axes[0, 0].get_ylim()[0] == 0


def test_single_trials_of_neurons_and_trials_by_their_ids() -> None:
    axes = plots.single_trials(PREDICTION, trials=[7, 2], neurons=[5])
    assert axes.shape == (1, 2)
    assert axes[0, 0].get_title(loc="left") == "trial 7, condition 1\nneuron 5 (held out)"
    np.testing.assert_array_equal(drawn(axes[0, 1], "model"), PREDICTION.rates[2, :, 5])
    with pytest.raises(UndertowError, match="no neuron 99: the 6 there are start with 0, 1"):
        plots.single_trials(PREDICTION, neurons=[99])
    with pytest.raises(UndertowError, match="trials is 0: it must be a whole number, at least 1"):
        plots.single_trials(PREDICTION, trials=0)


def test_psth_draws_every_condition_and_nothing_is_cut_off() -> None:
    data = analysis.psth(PREDICTION, BASELINE)
    axes = plots.psth(PREDICTION, BASELINE, names=NAMES)
    assert data.baseline is not None
    for row, values in enumerate((data.reference, data.inferred, data.baseline)):
        for neuron, ax in enumerate(axes[row]):
            for k in range(len(data.labels)):
                np.testing.assert_array_equal(ax.get_lines()[k].get_ydata(), values[k, :, neuron])
            assert ax.get_ylim()[1] >= values[:, :, neuron].max()
    assert [ax.get_ylabel() for ax in axes[:, 0]] == [
        f"{name}\nspikes/s" for name in ("true rate", *NAMES)
    ]
    assert {ax.get_xlabel() for ax in axes[-1]} == {"time from go cue (s)"}


def test_psth_of_the_conditions_asked_for() -> None:
    axes = plots.psth(PREDICTION, conditions=[1], neurons=[3])
    assert axes.shape == (2, 1)
    mine = PREDICTION.rates[TRIALS.condition == 1][:, :, 3].mean(axis=0)
    np.testing.assert_allclose(axes[1, 0].get_lines()[0].get_ydata(), mine)
    with pytest.raises(UndertowError, match="no condition 'left': the 2 there are start with 0, 1"):
        plots.psth(PREDICTION, conditions=["left"])
    bare = make_prediction(make_trials(condition=None))
    with pytest.raises(UndertowError, match="no condition labels"):
        plots.psth(bare)


def test_psth_with_spikes_draws_one_line_per_trial() -> None:
    data = analysis.psth(PREDICTION, conditions=2)
    axes = plots.psth_spikes(PREDICTION, name="mine")
    np.testing.assert_array_equal(drawn(axes[0, 1], "mine"), data.inferred[0, :, 1])
    np.testing.assert_array_equal(drawn(axes[0, 1], "true rate"), data.reference[0, :, 1])
    trains = axes[1, 1]
    assert len(trains.collections[0].get_paths()) == (data.spikes[0][:, :, 1] > 0).sum()
    assert trains.get_ylim() == (5.5, -0.5)
    assert axes[1, 0].get_ylabel() == "6 trials"


def test_rasters_draw_images_of_the_arrays_on_one_rate_scale() -> None:
    data = analysis.rasters(PREDICTION, BASELINE, 2)
    axes = plots.rasters(PREDICTION, BASELINE, trials=2)
    assert axes.shape == (2, 3)
    for row in range(2):
        for values, ax in zip((data.spikes, data.rates, data.baseline), axes[row], strict=True):
            assert values is not None
            np.testing.assert_array_equal(ax.images[0].get_array(), values[row].T)
    assert axes[0, 1].images[0].norm.vmax == axes[0, 2].images[0].norm.vmax
    assert axes[0, 0].images[0].get_extent() == [AXIS.start_s, AXIS.stop_s, 5.5, -0.5]
    bars = [ax.get_xlabel() for ax in axes[0, 0].figure.axes[6:]]
    assert bars == ["spikes per bin", "spikes/s", "spikes/s"]


def test_population_draws_observed_steps_and_inferred_lines() -> None:
    data = analysis.population_rates(PREDICTION)
    axes = plots.population(PREDICTION, names=NAMES)
    np.testing.assert_array_equal(drawn(axes[1], "mine"), data.inferred[1])
    values, edges, _ = axes[1].patches[0].get_data()
    np.testing.assert_array_equal(values, data.observed[1])
    np.testing.assert_array_equal(edges, AXIS.edges_s)
    assert axes[0].get_ylabel() == "summed rate (spikes/s)"
