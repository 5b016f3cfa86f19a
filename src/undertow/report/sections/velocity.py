"""Decoded velocity, and the hand paths that follow from it."""

from typing import TYPE_CHECKING

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section, colour_words, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_velocity(record: RunRecord, figure: "Figure") -> str:
    """Draw decoded beside measured velocity and say how it was decoded."""
    from undertow import plots
    from undertow.evaluation.scores.velocity import LOG_RATES

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


VELOCITY = Section("velocity", "Decoded velocity", draw_velocity)


def draw_hand_paths(record: RunRecord, figure: "Figure") -> str:
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
    return words + colour_words(trials)


HAND_PATHS = Section("hand_paths", "Hand paths", draw_hand_paths)
