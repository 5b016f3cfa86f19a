"""Trial averages and the spikes behind them."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words
from undertow.report.sections.psth import averages_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


CONDITIONS = 2


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw averages above spike trains and say over how many trials they are."""
    from undertow import analysis, plots

    prediction, training = record.prediction, record.training
    plots.psth_spikes(
        prediction,
        training=training,
        conditions=CONDITIONS,
        name=record.model_name,
        figure=figure,
    )
    shown = analysis.psth(prediction, training=training, conditions=CONDITIONS)
    beneath = " Beneath each: the spikes of the averaged test trials, one line per trial."
    return averages_words(shown) + beneath + time_words(record)


PSTH_SPIKES = Section("psth_spikes", "Trial averages and the spikes behind them", draw)
