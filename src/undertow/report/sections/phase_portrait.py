"""The phase portrait of the learned dynamics."""

from typing import TYPE_CHECKING

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import NOT_IDENTIFIABLE, ORDERED_COLOURS, Section, fitted_models

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MANY_TRIALS = 40


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw drift and inferred paths and say why they need not agree."""
    from undertow import analysis, plots

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
    return words + ("" if trials.condition is None else ORDERED_COLOURS) + NOT_IDENTIFIABLE


PHASE_PORTRAIT = Section("phase_portrait", "Phase portrait", draw, generative=True)
