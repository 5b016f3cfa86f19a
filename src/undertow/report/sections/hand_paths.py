"""Hand paths."""

from typing import TYPE_CHECKING

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import ORDERED_COLOURS, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw measured and decoded paths and say where decoded ones start."""
    from undertow import plots

    plots.hand_paths(
        record.prediction,
        record.decodable_baseline,
        train=record.train_prediction,
        baseline_train=record.baseline_train_prediction,
        names=record.names,
        figure=figure,
    )
    trials = record.prediction.trials
    words = (
        f"Hand paths of all {plural(trials.n_trials, 'test trial')}. Decoded paths are decoded "
        "velocities added up from the measured position in the first bin that can be decoded: "
        "errors add up too. Dots: where a path starts."
    )
    return words + ("" if trials.condition is None else ORDERED_COLOURS)


HAND_PATHS = Section("hand_paths", "Hand paths", draw)
