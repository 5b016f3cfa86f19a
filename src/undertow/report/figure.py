"""What every figure of a report has: a drawing function of the record, and a caption."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = tuple["Figure", str]


class FigureKind(NamedTuple):
    """One figure of the report.

    Attributes:
        name: its file name, without ending.
        heading: what the page calls it.
        draw: record → figure and caption; raises `UndertowError` with the reason where it does not
            apply. matplotlib is imported only in there.
    """

    name: str
    heading: str
    draw: Callable[[RunRecord], Drawn]


def time_words(record: RunRecord) -> str:
    """What the marks on a time axis mean, for captions."""
    from undertow.analysis import TimeAxis

    axis = TimeAxis.of(record.prediction.trials)
    words = f" Time runs in seconds from {axis.event}"
    words += " (dashed line)." if axis.event_inside else "."
    if axis.forward_bins:
        words += " Blue shading: forward bins, predicted without any spikes of theirs."
    return words
