"""The figure of a search: each trial has a point, the chosen one stands out."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from undertow import plots
from undertow.errors import UndertowError
from undertow.experiments.search import SearchResult, Trial
from undertow.models import Choices, Range
from undertow.plots.style import BASELINE, off_screen

SPACE = {
    "training__learning_rate": Range(1e-3, 1e-1, "log"),
    "dropout": Range(0.0, 0.5),
    "coordinated_dropout": Choices((0.2, (0.0, 0.4))),
}
VALUES = [(0.01, None, 0.2), (0.001, 0.1, (0.0, 0.4)), (0.05, 0.3, 0.2), (0.02, 0.4, 0.2)]
STATES: Any = ("finished", "stopped", "failed", "finished")
SEARCH = SearchResult(
    "asha",
    SPACE,
    [
        Trial(
            k,
            dict(zip(SPACE, values, strict=True)),
            state,
            [] if state == "failed" else [0.1, 0.1 + 0.05 * k][: 1 if state == "stopped" else 2],
            [] if state == "failed" else [0.1, 0.1 + 0.05 * k][: 1 if state == "stopped" else 2],
        )
        for k, (values, state) in enumerate(zip(VALUES, STATES, strict=True))
    ],
    slices=2,
)


def population() -> SearchResult:
    """A search whose best trial changed its settings once, after the first of two slices."""
    last = SEARCH.trials[3]
    begun = {**last.settings, "dropout": None, "coordinated_dropout": (0.0, 0.4)}
    changed = replace(last, schedule=[(0, begun), (1, last.settings)])
    return replace(SEARCH, kind="pbt", trials=[*SEARCH.trials[:3], changed])


def points(ax: Any) -> np.ndarray:
    """Places and scores of all points, the ring around the chosen one left out."""
    lines = [each for each in ax.lines if each.get_marker() == "o" and each.get_markersize() == 4]
    return np.concatenate([np.column_stack(each.get_data()) for each in lines])


def test_each_trial_with_a_score_has_a_point() -> None:
    axes = plots.tuning(SEARCH, figure=off_screen())
    titles = [ax.get_title(loc="left") for ax in axes]
    names = ["training.learning_rate", "dropout", "coordinated_dropout"]
    assert titles == ["by trial", "over training", *names]
    shown = points(axes[0])
    assert sorted(shown[:, 0]) == [0, 1, 3]
    assert np.allclose(shown[np.argsort(shown[:, 0]), 1], [0.1, 0.1, 0.25])
    assert {each.get_label() for each in axes[0].lines} == {
        "trained to the end",
        "given up",
        "failed",
        "chosen",
        "settings as given",
    }
    chosen = next(each for each in axes[0].lines if each.get_label() == "chosen")
    assert [float(v[0]) for v in chosen.get_data()] == pytest.approx([3, 0.25])


def test_values_stand_on_axes_of_their_own_kind() -> None:
    axes = plots.tuning(SEARCH, figure=off_screen())
    assert axes[2].get_xscale() == "log"
    assert [each.get_text() for each in axes[2].get_xticklabels()] == ["0.001", "0.01", "0.1"]
    # a None stands nowhere among numbers
    assert sorted(points(axes[3])[:, 0])[:2] == pytest.approx([0.1, 0.4])
    assert [each.get_text() for each in axes[4].get_xticklabels()] == ["0.2", "0–0.4"]


def test_the_schedule_of_a_population_is_drawn() -> None:
    axes = plots.tuning(population(), figure=off_screen())
    step = next(each for each in axes[4].lines if each.get_color() == BASELINE)
    assert step.get_xdata().tolist() == [0.0, 0.5, 1.0]  # type: ignore[union-attr]
    assert step.get_ydata().tolist() == [1.0, 0.0, 0.0]  # type: ignore[union-attr]
    assert [each.get_text() for each in axes[4].get_yticklabels()] == ["0.2", "0–0.4"]
    rates = next(each for each in axes[2].lines if each.get_color() == BASELINE)
    assert rates.get_ydata().tolist() == pytest.approx([0.02] * 3)  # type: ignore[union-attr]


def test_without_a_score_nothing_is_drawn() -> None:
    failed = replace(SEARCH, trials=[SEARCH.trials[2]])
    with pytest.raises(UndertowError, match="all of them failed"):
        plots.tuning(failed, figure=off_screen())
