"""Names from files are drawn as they are, and every colour has a key."""

import warnings

import numpy as np
import pytest

from tests.report.records import make_prediction, make_trials
from undertow import analysis, plots
from undertow.analysis import trial_groups
from undertow.data import TrialSet
from undertow.plots import style
from undertow.report.sections import SECTIONS

HOSTILE = ["$1_$2", r"$\frac{1}$", "a_b^{c", "50% $ 60%"]


def named(n_trials: int = 12, n_neurons: int = 6) -> TrialSet:
    """Conditions, regions, neurons and trials whose names read as broken mathematics."""
    some = lambda n: [HOSTILE[k % len(HOSTILE)] for k in range(n)]  # noqa: E731
    return make_trials(
        n_trials,
        n_neurons=n_neurons,
        condition=some(n_trials),
        region=some(n_neurons),
        trial_ids=[f"$t_{k}$ $" for k in range(n_trials)],
        neuron_ids=[f"$n_{k}$ $" for k in range(n_neurons)],
    )


def test_names_are_drawn_as_text_not_as_mathematics() -> None:
    prediction, train = make_prediction(named()), make_prediction(named(20), seed=2)
    figures = [style.off_screen() for _ in range(4)]
    plots.rasters(prediction, figure=figures[0])
    plots.single_trials(prediction, figure=figures[1])
    plots.psth(prediction, figure=figures[2])
    plots.hand_paths(prediction, train=train, figure=figures[3])
    for figure in figures:
        assert style.image_bytes(figure).startswith(b"\x89PNG")
    label = figures[0].axes[0].get_yticklabels()[0]
    assert not label.get_parse_math()


def test_numbers_of_a_log_axis_are_written_out() -> None:
    figure = style.off_screen()
    axes = plots.neurons(make_prediction(make_trials()), figure=figure)
    figure.canvas.draw()  # type: ignore[attr-defined]
    words = [label.get_text() for label in axes[1].get_xticklabels()]
    assert not any("$" in word or "\\" in word for word in words)


def test_rows_of_a_raster_are_named_by_region() -> None:
    region = np.array(["V1", "CA1", "V1", "CA1", "CA1", "V1"])
    prediction = make_prediction(make_trials(region=region))
    data = analysis.rasters(prediction)
    assert data.region is not None
    assert data.region.tolist() == ["CA1", "CA1", "V1", "V1", "CA1", "V1"]
    axes = plots.rasters(prediction, figure=style.off_screen())
    labels = [label.get_text() for label in axes[0, 0].get_yticklabels()]
    assert labels == ["CA1", "V1", "CA1", "V1"]
    assert axes[0, 0].get_ylabel() == "neuron (by region)"


def test_trials_are_told_apart_by_condition_else_by_the_first_label() -> None:
    choice = np.where(np.arange(12) % 3, "left", "right")
    both = make_trials(labels={"choice": choice})
    label = make_trials(labels={"choice": choice}, condition=None)
    assert trial_groups(both)[0] == "condition"
    assert trial_groups(label)[0] == "choice"
    figure = style.off_screen()
    plots.latents(make_prediction(label), figure=figure)
    assert figure.legends[0].get_title().get_text() == "choice"
    what, values = trial_groups(make_trials(condition=None))
    assert (what, set(values.tolist())) == (None, {0})


@pytest.mark.parametrize(("n", "listed"), [(18, True), (20, False), (65, False)])
def test_every_number_of_conditions_has_a_key(n: int, listed: bool) -> None:
    trials = make_trials(n, condition=[f"start {k:02d}" for k in range(n)])
    figure = style.off_screen()
    before = len(plots.latents(make_prediction(trials), figure=figure))
    assert bool(figure.legends) == listed
    if not listed:
        bar = figure.axes[-1]
        assert len(figure.axes) > before
        assert bar.get_xlabel() == f"condition ({n})"
        assert bar.get_xticklabels()[0].get_text() == "start 00"


def test_a_report_of_hostile_names_has_every_figure() -> None:
    from tests.report.records import make_record

    trials = named()
    record = make_record(trials, samples=20, train_prediction=make_prediction(named(20)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for section in SECTIONS:
            if not (section.generative or section.searched):
                figure = style.off_screen()
                section.draw(record, figure)
                style.image_bytes(figure)
