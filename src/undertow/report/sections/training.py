"""Training curves."""

from typing import TYPE_CHECKING

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw the history and say how far it goes."""
    from undertow import plots

    plots.training(record.history, figure=figure)
    n = len(record.history)
    last = int(record.history[-1].get("epoch", n - 1))
    return f"Training up to epoch {last}, as logged at {plural(n, 'validation')}."


TRAINING = Section("training", "Training", draw)
