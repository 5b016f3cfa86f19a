"""Coupling between units over time."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import NOT_IDENTIFIABLE, Section, fitted_models, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
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


COUPLING = Section("coupling", "Coupling over time", draw, generative=True)
