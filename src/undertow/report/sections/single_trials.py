"""Single trials, single neurons."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LEVEL = 0.9


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw rates trial by trial and say what the band is, or why there is none."""
    from undertow import analysis, plots

    pair = record.prediction, record.baseline_prediction
    plots.single_trials(*pair, level=LEVEL, names=record.names, figure=figure)
    words = (
        "Inferred rates, trial by trial, of the neurons with the most spikes (half of them held "
        "out where there are any)."
    )
    if analysis.single_trial_rates(record.prediction, level=LEVEL).low is None:
        words += " No interval is drawn: it needs 200 posterior samples or more."
    else:
        words += (
            f" Band: central {100 * LEVEL:g} % of the posterior samples of the rate (not of the "
            "spikes)."
        )
    return words + time_words(record)


SINGLE_TRIALS = Section("single_trials", "Single trials, single neurons", draw)
