"""The population rate."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw rates summed over neurons and say what to look for."""
    from undertow import plots

    pair = record.prediction, record.baseline_prediction
    plots.population(*pair, names=record.names, figure=figure)
    words = (
        "Rate summed over neurons, averaged over test trials, in bins that were observed: level "
        "and time course should match."
    )
    return words + time_words(record)


POPULATION = Section("population", "Population rate", draw)
