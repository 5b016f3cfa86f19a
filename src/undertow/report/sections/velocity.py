"""Decoded velocity."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw decoded beside measured velocity and say how it was decoded."""
    from undertow import plots
    from undertow.evaluation.velocity import LOG_RATES

    plots.velocity(
        record.prediction,
        record.decodable_baseline,
        train=record.train_prediction,
        baseline_train=record.baseline_train_prediction,
        names=record.names,
        figure=figure,
    )
    trials = record.prediction.trials
    lag_s = LOG_RATES.bins(trials) * trials.bin_s
    words = (
        "Measured velocity, and velocity decoded by ridge regression from the logarithm of the "
        f"inferred rates of all neurons {lag_s:g} s earlier; fitted on training trials, shown "
        f"for test trials. The first {lag_s:g} s cannot be decoded."
    )
    return words + time_words(record)


VELOCITY = Section("velocity", "Decoded velocity", draw)
