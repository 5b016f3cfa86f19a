"""Rates a model generates from the start of a trial, beside those it infers."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, generation_words, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw generated beside inferred rates and say from what they were generated."""
    from undertow import analysis, plots

    prediction, how = record.prediction, generation_words(record)
    plots.generated(prediction, record.generated, training=record.training, figure=figure)
    what = "Rates, trial by trial,"
    if prediction.trials.condition is not None:
        reference = analysis.psth(prediction, training=record.training).reference_name
        what = f"Averages over the test trials: {reference}; rates"
    return f"{what} {how}{time_words(record)}"


GENERATED = Section("generated_rates", "Generated rates", draw, generative=True)
