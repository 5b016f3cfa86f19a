"""What a model generates from the start of a trial, beside what was observed."""

from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.report.figure import Drawn, time_words
from undertow.report.record import RunRecord


def draw_generated_rates(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, psth, single_trial_rates
    from undertow.plots import mark_all_seen, plot_psth, plot_single_trials

    generated, axis = _generated(record), TimeAxis.of(record.prediction.trials)
    names = ("generated", "inferred")
    if record.prediction.trials.condition is None:
        shown = single_trial_rates(generated, record.prediction)
        figure, what = plot_single_trials(shown, axis, *names), "Rates, trial by trial,"
    else:
        training = None if record.train_prediction is None else record.train_prediction.trials
        data = psth(generated, record.prediction, training)
        figure, what = (
            plot_psth(data, axis, *names),
            f"Averages over the test trials: {data.reference_name}; rates",
        )
    mark_all_seen(figure, axis, record.seen_bins)
    return figure, f"{what} {_how(record)}{time_words(record)}"


def draw_predicted_behavior(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, predicted_behavior
    from undertow.plots import plot_predicted_behavior

    data = predicted_behavior(record.prediction, _generated(record))
    figure = plot_predicted_behavior(data, TimeAxis.of(record.prediction.trials), record.seen_bins)
    words = (
        f"Behaviour the model itself predicts for {len(data.trial_names)} test trials, from "
        f"latents inferred without seeing any behaviour: {_how(record)}"
    )
    if data.categories:
        words += " In each bin the likeliest category is drawn."
    if data.low is not None:
        words += f" Band: central {100 * data.level:g} % of an observed value, taken as Gaussian."
    return figure, words + time_words(record)


def _generated(record: RunRecord) -> Prediction:
    if record.generated is None:
        raise UndertowError(f"{record.model_name} does not generate.")
    return record.generated


def _how(record: RunRecord) -> str:
    seen_s = record.seen_bins * record.prediction.trials.bin_s
    start = (
        f"the first {seen_s:g} s of a trial (left of the dotted line)"
        if seen_s
        else "no observation at all"
    )
    return (
        f"'inferred' from all observations, and 'generated': the start from {start}, then the "
        "prior with the stimulus alone."
    )
