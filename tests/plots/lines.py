"""What is read off axes in tests, and small predictions to draw."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from tests.report.records import make_prediction, make_trials, with_regimes
from undertow.analysis import TimeAxis

TRIALS = make_trials()
PREDICTION = make_prediction(TRIALS, samples=200)
SWITCHING = with_regimes(PREDICTION)
BASELINE = make_prediction(TRIALS, seed=5)
TRAIN = make_prediction(make_trials(20))
AXIS = TimeAxis.of(TRIALS)
NAMES = ("mine", "theirs")


def line(ax: Axes, label: str) -> Line2D:
    """The one line of this name."""
    found = [each for each in ax.get_lines() if each.get_label() == label]
    assert len(found) == 1, label
    return found[0]


def drawn(ax: Axes, label: str) -> np.ndarray:
    """Its y values."""
    return np.asarray(line(ax, label).get_ydata())


def points(each: Line2D) -> np.ndarray:
    """Its points, (points, 2)."""
    return np.column_stack(each.get_data())
