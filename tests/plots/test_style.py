"""Marks and colours all figures share."""

import numpy as np
import pytest

from undertow.analysis import TimeAxis
from undertow.plots import style


@pytest.mark.parametrize(
    ("start_s", "forward_bins", "n_marks"), [(-0.1, 0, 1), (-0.1, 4, 2), (0.0, 0, 0)]
)
def test_event_and_forward_bins_are_marked(start_s: float, forward_bins: int, n_marks: int) -> None:
    ax = style.off_screen().subplots()
    style.mark_time(ax, TimeAxis(start_s, 0.02, 15, "go cue", forward_bins))
    assert len(ax.get_lines()) == n_marks
    assert len(ax.patches) == (1 if forward_bins else 0)
    assert ax.get_xlim() == pytest.approx((start_s, start_s + 0.3))


@pytest.mark.parametrize("n", [1, 9, 10, 65])
def test_conditions_have_different_colours(n: int) -> None:
    colours = style.condition_colours(np.arange(n)).values()
    assert len({tuple(np.atleast_1d(c)) for c in colours}) == n
