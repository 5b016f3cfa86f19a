"""Learned dynamics: natural frequencies, coupling over time, phase portrait."""

from typing import TYPE_CHECKING

import numpy as np

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import (
    NOT_IDENTIFIABLE,
    Section,
    colour_words,
    fitted_models,
    time_words,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_TRIALS = 40
DRIFT_OF = "gp-slds"
"""The model whose drift is known with its uncertainty, by its name."""


def draw_oscillators(record: RunRecord, figure: "Figure") -> str:
    """Draw the frequencies of each region and say what they moved from."""
    from undertow import analysis, plots

    found = analysis.natural_frequencies(fitted_models(record))
    plots.oscillators(found, figure=figure)
    turn = found.start_hz > 0
    words = (
        "Frequency at which each oscillator would turn alone (dots), and where it started before "
    )
    words += "learning (rings)"
    if turn.any():
        start_hz = found.start_hz[turn]
        words += (
            f"; the median move is {np.median(found.moved_hz[turn]):.2g} Hz, the grid of starts "
            f"spans {start_hz.min():.2g} to {start_hz.max():.2g} Hz"
        )
    words += "." if turn.all() else "; those at 0 Hz are still by construction."
    if len(found.regions) > 1:
        words += f" {found.about_regions()}"
        words += " Bars: medians." if found.ranking() else ""
    return words + NOT_IDENTIFIABLE


OSCILLATORS = Section("frequencies", "Natural frequencies", draw_oscillators, generative=True)


def draw_coupling(record: RunRecord, figure: "Figure") -> str:
    """Draw the coupling and say over what it is averaged, and whether it changes."""
    from undertow import analysis, plots

    trials = record.prediction.trials
    coupling = analysis.coupling_over_time(fitted_models(record), trials)
    plots.coupling(coupling, trials, figure=figure)
    words = (
        "Coupling of the units under the stimulus of the test trials, averaged over them: above, "
        "onto each unit (row) from each other (column), units sorted by region and natural "
        "frequency; below, the root mean square over pairs of different units."
    )
    n = len(coupling.strength)
    words += (
        f" Mean and standard deviation over {n} fits that differ in their seed, units compared by "
        "rank of frequency."
        if n > 1
        else " One fit: its spread over seeds is seen with an ensemble of fits."
    )
    if not coupling.changes:
        words += (
            " It does not change in time here: no input of the model does, or none acts on the "
            "coupling."
        )
    return words + NOT_IDENTIFIABLE + time_words(record)


COUPLING = Section("coupling", "Coupling over time", draw_coupling, generative=True)


def draw_phase_portrait(record: RunRecord, figure: "Figure") -> str:
    """Draw drift and inferred paths and say why they need not agree."""
    from undertow import analysis, plots

    if record.model_name == DRIFT_OF:
        return draw_drift_field(record, figure)
    trials = record.prediction.trials
    portrait = analysis.phase_portrait(fitted_models(record)[0], trials)
    plots.phase_portrait(portrait, trials, shown=MANY_TRIALS, figure=figure)
    at = portrait.time_s
    when = "" if at is None else f", at the mean input of {at:.3g} s (dots)"
    n_shown = len(analysis.example_trials(trials, MANY_TRIALS))
    words = (
        "Stream lines: drift of the prior in the plane of the two leading principal components of "
        f"the inferred paths{when}; across the plane the state is the paths' mean. Coloured: "
        f"inferred paths (posterior mean) of {plural(n_shown, 'test trial')}, which "
        "observations steer, so that they need not follow the stream lines."
    )
    return words + colour_words(trials) + NOT_IDENTIFIABLE


def draw_drift_field(record: RunRecord, figure: "Figure") -> str:
    """Draw the drift with its uncertainty and regimes, and say what both are."""
    from undertow import analysis, plots

    trials = record.prediction.trials
    field = analysis.drift_field(fitted_models(record)[0], trials)
    plots.drift_field(field, trials, shown=MANY_TRIALS, figure=figure)
    when = "" if not field.inputs.size else f", at the mean input of {field.time_s:.3g} s"
    n_shown = len(analysis.example_trials(trials, MANY_TRIALS))
    words = (
        "Left: mean of the inferred drift (arrows; pale where its standard deviation is longer "
        "than they are) over that standard deviation (shading), in the plane of the two leading "
        f"principal components of the inferred paths{when}; across the plane the state is the "
        "paths' mean. Right: regimes, mixed where they blend, and stream lines. Thin lines: "
        f"inferred paths of {plural(n_shown, 'test trial')}. The uncertainty is that of the "
        "drift given paths, kernel and noise."
    )
    return words + NOT_IDENTIFIABLE


PHASE_PORTRAIT = Section("phase_portrait", "Phase portrait", draw_phase_portrait, generative=True)
