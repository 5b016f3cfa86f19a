"""The figures of a report: which analysis feeds which plot, and the caption beneath.

Each function takes a `RunRecord` and returns a figure and its caption, or raises `UndertowError` with the reason why it
does not apply. matplotlib is imported only when one is drawn.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from undertow.errors import UndertowError
from undertow.report.record import RunRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from undertow.analysis import DecodedVelocity, Psth
    from undertow.data import Prediction

Drawn = tuple["Figure", str]
MANY_TRIALS = 60


class FigureKind(NamedTuple):
    """A figure's file name, heading and drawing function."""

    name: str
    heading: str
    draw: Callable[[RunRecord], Drawn]


def time_words(record: RunRecord) -> str:
    """What the marks on a time axis mean, for captions."""
    from undertow.analysis import TimeAxis

    axis = TimeAxis.of(record.prediction.trials)
    words = f" Time runs in seconds from {axis.event}"
    words += " (dashed line)." if axis.event_inside else " (outside the window)."
    if axis.forward_bins:
        words += " Blue shading: forward bins, predicted without any spikes of theirs."
    return words


def draw_rasters(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, rasters
    from undertow.plots import plot_rasters

    trials = record.prediction.trials
    data = rasters(record.prediction, record.baseline_prediction)
    figure = plot_rasters(data, TimeAxis.of(trials), record.model_name, record.baseline_name)
    caption = (
        f"Spikes beside inferred rates of all {trials.n_neurons} neurons, {len(data.names)} test trial(s). Neurons are sorted "
        "by the time of their inferred peak; rates share one colour scale, by square root, cut at their 99.5th percentile."
    )
    if 0 < data.n_heldin < trials.n_neurons:
        caption += " Below the orange line: held-out neurons, whose spikes the model never sees."
    if not np.isfinite(data.spikes).all():
        caption += " Tan: not observed."
    return figure, caption + time_words(record)


def draw_single_trials(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, single_trial_rates
    from undertow.plots import plot_single_trials

    data = single_trial_rates(record.prediction, record.baseline_prediction)
    figure = plot_single_trials(
        data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name
    )
    caption = "Inferred rates of the neurons with the most spikes (half of them held out where there are any), trial by trial."
    if data.low is None:
        caption += " No interval is drawn: it needs 200 posterior samples or more."
    else:
        caption += (
            f" Band: central {100 * data.level:g} % of the posterior samples of the rate (not of the spikes)."
        )
    return figure, caption + time_words(record)


def draw_psth(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis
    from undertow.plots import plot_psth

    data = _psth(record)
    figure = plot_psth(data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name)
    return figure, _psth_words(data) + time_words(record)


def draw_psth_with_spikes(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis
    from undertow.plots import plot_psth_with_spikes

    data = _psth(record)
    figure = plot_psth_with_spikes(data, TimeAxis.of(record.prediction.trials), record.model_name)
    caption = _psth_words(data) + " Beneath each: the spikes of the averaged test trials, one line per trial."
    return figure, caption + time_words(record)


def _psth(record: RunRecord) -> "Psth":
    from undertow.analysis import psth

    training = None if record.train_prediction is None else record.train_prediction.trials
    return psth(record.prediction, record.baseline_prediction, training)


def _psth_words(data: "Psth") -> str:
    few, many = int(data.n_trials.min()), int(data.n_trials.max())
    trials = f"{few}" if few == many else f"{few} to {many}"
    reference = int(data.n_reference_trials.min()), int(data.n_reference_trials.max())
    words = (
        f"Averages over the {trials} test trial(s) of each condition; {len(data.labels)} of {data.n_conditions} conditions, "
        f"the neurons with the most spikes. Reference: {data.reference_name}"
    )
    if data.reference_name != "true rate":
        words += (
            f", averaged over the {reference[0]} to {reference[1]} test and training trials of the condition"
        )
    return words + "."


def draw_population(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, population_rates
    from undertow.plots import plot_population

    data = population_rates(record.prediction, record.baseline_prediction)
    figure = plot_population(
        data, TimeAxis.of(record.prediction.trials), record.model_name, record.baseline_name
    )
    caption = (
        "Rate summed over neurons, averaged over test trials, in bins that were observed: the level and the time course of "
        "the whole population should match."
    )
    return figure, caption + time_words(record)


def draw_components(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, example_trials, principal_components
    from undertow.plots import plot_components

    prediction = record.prediction
    if not prediction.latents:
        raise UndertowError(f"{record.model_name} has no latents.")
    name = "z" if "z" in prediction.latents else next(iter(prediction.latents))
    components = principal_components(prediction.latents[name], valid=prediction.trials.valid)
    shown = example_trials(prediction.trials, MANY_TRIALS)
    condition = None if prediction.trials.condition is None else prediction.trials.condition[shown]
    figure = plot_components(components.of_trials(shown), TimeAxis.of(prediction.trials), condition, name)
    dimension = prediction.latents[name].shape[2]
    caption = (
        f"Principal components of the latent '{name}' ({dimension} dimensions, posterior mean), over all test trials and bins; "
        f"{len(shown)} trials drawn. Dots: the first bin."
    )
    if TimeAxis.of(prediction.trials).event_inside:
        caption += " Crosses: the event."
    return figure, caption + ("" if condition is None else " Colours: conditions.") + time_words(record)


def draw_waves(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, example_trials, wave_groups
    from undertow.plots import plot_waves

    prediction = record.prediction
    names = [name for name in prediction.groups if name in prediction.latents]
    if not names:
        raise UndertowError(f"{record.model_name} has no latent made of oscillator groups.")
    name, trials = names[0], prediction.trials
    n_groups, shown = prediction.groups[name], example_trials(trials, 2)
    inferred = np.where(trials.valid[:, :, None], prediction.latents[name], np.nan)
    panels = {"inferred, posterior mean": wave_groups(inferred[shown], n_groups)}
    if name in prediction.latent_samples:
        sample = np.where(trials.valid[shown, :, None], prediction.latent_samples[name][0][shown], np.nan)
        panels["inferred, one sample"] = wave_groups(sample, n_groups)
    if record.prior_latents and name in record.prior_latents:
        panels["prior, no data"] = wave_groups(record.prior_latents[name], n_groups)
    figure = plot_waves(panels, TimeAxis.of(trials), unit=name)
    return figure, _waves_words(record, name, n_groups, len(panels)) + time_words(record)


def _waves_words(record: RunRecord, name: str, n_groups: int, n_panels: int) -> str:
    per_group = record.prediction.latents[name].shape[2] // n_groups
    words = (
        f"The {n_groups} groups of coupled oscillators of '{name}', {per_group} in each, space (oscillator) × time, single "
        "trials. Colour scales are symmetric about zero and belong to one group and one kind of panel: read them before "
        "comparing sizes."
    )
    if record.prior_latents and name in record.prior_latents:
        return words + (
            " A chain of coupled noisy oscillators shows waves without any data (right): only what differs from these is "
            "owed to the recording. The posterior mean averages the noise away, a prior draw does not."
        )
    return (
        words
        + " No draws from the prior are at hand, so nothing here tells waves of the data from waves of the prior."
    )


def draw_velocity(record: RunRecord) -> Drawn:
    from undertow.analysis import TimeAxis, decoded_velocity, example_trials
    from undertow.plots import plot_velocity

    trials = record.prediction.trials
    mine = decoded_velocity(_train(record), record.prediction)
    shown = example_trials(trials, 4)
    names = (record.model_name, record.baseline_name)
    figure = plot_velocity(mine, TimeAxis.of(trials), shown.tolist(), _baseline_velocity(record), names)
    caption = (
        "Measured velocity and velocity decoded by ridge regression from the logarithm of the inferred rates of all neurons, "
        f"{mine.lag_s:g} s earlier; fitted on the training trials, shown for test trials. The first {mine.lag_s:g} s cannot "
        "be decoded."
    )
    return figure, caption + time_words(record)


def draw_hand_paths(record: RunRecord) -> Drawn:
    from undertow.analysis import decoded_velocity, hand_paths
    from undertow.plots import plot_hand_paths

    trials = record.prediction.trials
    measured, mine = hand_paths(decoded_velocity(_train(record), record.prediction), trials)
    paths = {"measured": measured, f"decoded from {record.model_name}": mine}
    if (other := _baseline_velocity(record)) is not None:
        paths[f"decoded from {record.baseline_name}"] = hand_paths(other, trials)[1]
    caption = (
        f"Hand paths of all {trials.n_trials} test trials. Decoded paths are decoded velocities added up from the measured "
        "position in the first bin that can be decoded, so errors add up too. Dots: where a path starts."
    )
    return plot_hand_paths(paths), caption + ("" if trials.condition is None else " Colours: conditions.")


def _train(record: RunRecord) -> "Prediction":
    if record.train_prediction is None:
        raise UndertowError("there is no prediction for training trials to fit a decoder on.")
    return record.train_prediction


def _baseline_velocity(record: RunRecord) -> "DecodedVelocity | None":
    from undertow.analysis import decoded_velocity

    if record.baseline_prediction is None or record.baseline_train_prediction is None:
        return None
    return decoded_velocity(record.baseline_train_prediction, record.baseline_prediction)


def draw_neuron_scores(record: RunRecord) -> Drawn:
    from undertow.analysis import neuron_table
    from undertow.plots import plot_neuron_scores

    table = neuron_table(record.prediction, record.baseline_prediction)
    scored = np.isfinite(table.score)
    if not scored.any():
        raise UndertowError("no neuron has a spike in the test trials.")
    figure = plot_neuron_scores(table, record.model_name, record.baseline_name)
    caption = (
        f"Bits per spike of {int(scored.sum())} single neurons over the test trials, above each neuron's own mean rate. Blue: "
        "held-in neurons, whose spikes the model is given; orange: held-out neurons, predicted from the others."
    )
    silent = int((~scored).sum())
    return figure, caption + (f" {silent} silent neuron(s) have no score." if silent else "")


def draw_training(record: RunRecord) -> Drawn:
    from undertow.analysis import history_columns
    from undertow.plots import plot_training

    columns = history_columns(record.history)
    if len(columns) < 2:
        raise UndertowError("the training history holds no numbers besides the epoch.")
    return plot_training(columns), f"What was logged over {len(columns['epoch'])} epochs of training."


FIGURES = (
    FigureKind("rasters", "Spikes and inferred rates", draw_rasters),
    FigureKind("single_trials", "Single trials, single neurons", draw_single_trials),
    FigureKind("psth", "Trial averages by condition", draw_psth),
    FigureKind("psth_spikes", "Trial averages and the spikes behind them", draw_psth_with_spikes),
    FigureKind("population", "Population rate", draw_population),
    FigureKind("latents", "Latents", draw_components),
    FigureKind("waves", "Waves of the oscillator groups", draw_waves),
    FigureKind("velocity", "Decoded velocity", draw_velocity),
    FigureKind("hand_paths", "Hand paths", draw_hand_paths),
    FigureKind("neuron_scores", "Scores of single neurons", draw_neuron_scores),
    FigureKind("training", "Training", draw_training),
)
