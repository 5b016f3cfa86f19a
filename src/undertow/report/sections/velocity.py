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
    return words + floor_words(record) + time_words(record)


def floor_words(record: RunRecord) -> str:
    """Say to what floor rates were raised before their logarithm; nothing where it is not known."""
    from undertow.evaluation.scores.velocity import FLOOR

    floors = {}
    for name in record.names:
        score = record.scores.get(name, {}).get("velocity R2 log-rate")
        if score is not None and FLOOR in score.facts:
            floors[name] = score.facts[FLOOR]
    if not floors:
        return ""
    each = ", ".join(f"{_hz(floor)} ({name})" for name, floor in floors.items())
    return (
        f" Before the logarithm rates are raised to a floor in spikes/s: {each}, chosen for each "
        "in the training trials by one rule."
    )


def _hz(floor: float | tuple[float, float]) -> str:
    """A floor, or the least and greatest over folds."""
    least, most = floor if isinstance(floor, tuple) else (floor, floor)
    return f"{least:.3g}" if least == most else f"{least:.3g} to {most:.3g}"


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
