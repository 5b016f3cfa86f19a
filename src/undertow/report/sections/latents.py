"""Latents: principal components, and waves of oscillator groups beside those of the prior."""

from typing import TYPE_CHECKING

from undertow.errors import UndertowError
from undertow.report.record import RunRecord
from undertow.report.section import Section, colour_words, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_TRIALS = 60


def draw_latents(record: RunRecord, figure: "Figure") -> str:
    """Draw the leading components and say of which latent, over how many trials."""
    from undertow import analysis, plots
    from undertow.plots.latents import latent_name

    prediction, trials = record.prediction, record.prediction.trials
    if not prediction.latents:
        raise UndertowError(f"{record.model_name} has no latents.")
    plots.latents(prediction, trials=MANY_TRIALS, figure=figure)
    name = latent_name(prediction)
    words = (
        f"Principal components of the latent '{name}' ({prediction.latents[name].shape[2]} "
        "dimensions, posterior mean) over all test trials and bins; "
        f"{len(analysis.example_trials(trials, MANY_TRIALS))} trials drawn. Dots: the first bin."
    )
    if analysis.TimeAxis.of(trials).event_inside:
        words += " Crosses: the event."
    return words + colour_words(trials) + time_words(record)


LATENTS = Section("latents", "Latents", draw_latents)


def draw_waves(record: RunRecord, figure: "Figure") -> str:
    """Draw single trials as space × time and say what tells data from prior."""
    from undertow import plots
    from undertow.plots.waves import wave_latent

    plots.waves(record.prediction, record.prior_latents, figure=figure)
    name = wave_latent(record.prediction)
    n_groups = record.prediction.groups[name]
    per_group = record.prediction.latents[name].shape[2] // n_groups
    words = (
        f"Single trials of the {n_groups} groups of {per_group} coupled oscillators each that make "
        f"up '{name}': oscillator (space) × time. Each colour bar belongs to the panels left of "
        "it, zero in the middle: read them before comparing sizes."
    )
    return words + _prior_words(name in (record.prior_latents or {})) + time_words(record)


def _prior_words(drawn: bool) -> str:
    """Say how to read the waves beside those of the prior, or without them."""
    if drawn:
        return (
            " A chain of coupled noisy oscillators shows waves without any data (right): only "
            "what differs from those is owed to the recording. The posterior mean averages noise "
            "away, a draw does not."
        )
    return (
        " Without draws from the prior, nothing here tells waves of the data from those of the "
        "prior."
    )


WAVES = Section("waves", "Waves of the oscillator groups", draw_waves)
