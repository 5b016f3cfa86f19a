"""Decoded velocity and hand paths."""

from typing import TYPE_CHECKING

from undertow.errors import UndertowError
from undertow.report.figure import Drawn, time_words
from undertow.report.page import plural
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from undertow.analysis import DecodedVelocity
    from undertow.data import Prediction


def draw_velocity(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, decoded_velocity, example_trials
    from undertow.plots import plot_velocity

    trials = record.prediction.trials
    mine = decoded_velocity(_train(record), record.prediction)
    shown = example_trials(trials, 4)
    names = (record.model_name, record.baseline_name)
    figure = plot_velocity(
        mine, TimeAxis.of(trials), shown.tolist(), _baseline_velocity(record), names
    )
    caption = (
        "Measured velocity, and velocity decoded by ridge regression from the logarithm of the "
        f"inferred rates of all neurons {mine.lag_s:g} s earlier; fitted on training trials, shown "
        f"for test trials. The first {mine.lag_s:g} s cannot be decoded."
    )
    return figure, caption + time_words(record)


def draw_hand_paths(record: RunRecord) -> Drawn:
    from undertow.analysis import decoded_velocity, hand_paths
    from undertow.plots import plot_hand_paths

    trials = record.prediction.trials
    if trials.times is not None:
        raise UndertowError(
            "the trials have irregular times: velocities are added up over regular bins."
        )
    measured, mine = hand_paths(decoded_velocity(_train(record), record.prediction), trials)
    paths = {"measured": measured, f"decoded from {record.model_name}": mine}
    if (other := _baseline_velocity(record)) is not None:
        paths[f"decoded from {record.baseline_name}"] = hand_paths(other, trials)[1]
    caption = (
        f"Hand paths of all {plural(trials.n_trials, 'test trial')}. Decoded paths are decoded "
        "velocities added up from the measured position in the first bin that can be decoded: "
        "errors add up too. Dots: where a path starts."
    )
    return plot_hand_paths(paths), caption + (
        "" if trials.condition is None else " Colours: conditions, in their order."
    )


def _train(record: RunRecord) -> "Prediction":
    if record.train_prediction is None:
        raise UndertowError("there is no prediction for training trials to fit a decoder on.")
    return record.train_prediction


def _baseline_velocity(record: RunRecord) -> "DecodedVelocity | None":
    from undertow.analysis import decoded_velocity

    if record.baseline_prediction is None or record.baseline_train_prediction is None:
        return None
    return decoded_velocity(record.baseline_train_prediction, record.baseline_prediction)
