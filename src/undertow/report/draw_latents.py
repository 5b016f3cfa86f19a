"""Latents: principal components, and waves beside those of the prior."""

import numpy as np

from undertow.errors import UndertowError
from undertow.report.figure import Drawn, time_words
from undertow.report.record import RunRecord

MANY_TRIALS = 60


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
    figure = plot_components(
        components.of_trials(shown), TimeAxis.of(prediction.trials), condition, name
    )
    dimension = prediction.latents[name].shape[2]
    caption = (
        f"Principal components of the latent '{name}' ({dimension} dimensions, posterior mean) "
        f"over all test trials and bins; {len(shown)} trials drawn. Dots: the first bin."
    )
    if TimeAxis.of(prediction.trials).event_inside:
        caption += " Crosses: the event."
    return figure, caption + (
        "" if condition is None else " Colours: conditions, in their order."
    ) + time_words(record)


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
        sample = np.where(
            trials.valid[shown, :, None], prediction.latent_samples[name][0][shown], np.nan
        )
        panels["inferred, one sample"] = wave_groups(sample, n_groups)
    if record.prior_latents and name in record.prior_latents:
        panels["prior, no data"] = wave_groups(record.prior_latents[name], n_groups)
    figure = plot_waves(panels, TimeAxis.of(trials), unit=name)
    return figure, _waves_words(record, name, n_groups) + time_words(record)


def _waves_words(record: RunRecord, name: str, n_groups: int) -> str:
    per_group = record.prediction.latents[name].shape[2] // n_groups
    words = (
        f"Single trials of the {n_groups} groups of {per_group} coupled oscillators each that make "
        f"up '{name}': oscillator (space) × time. Each colour bar belongs to the panels left of "
        "it, zero in the middle: read them before comparing sizes."
    )
    if record.prior_latents and name in record.prior_latents:
        return words + (
            " A chain of coupled noisy oscillators shows waves without any data (right): only "
            "what differs from those is owed to the recording. The posterior mean averages noise "
            "away, a draw does not."
        )
    return words + (
        " Without draws from the prior, nothing here tells waves of the data from those of "
        "the prior."
    )
