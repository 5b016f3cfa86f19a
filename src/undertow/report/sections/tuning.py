"""How the settings were found, where a search found them."""

from typing import TYPE_CHECKING

from undertow.report.page import plural
from undertow.report.record import RunRecord
from undertow.report.section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from undertow.plots.tuning import Tuned


def draw_tuning(record: RunRecord, figure: "Figure") -> str:
    """Draw what was tried, and say how it was compared."""
    from undertow import plots

    assert record.tuning is not None, "reports of other runs have no such section"
    plots.tuning(record.tuning, figure=figure)
    return _words(record.tuning)


def _words(search: "Tuned") -> str:
    """Say what the panels show, and on which trials the choice was made."""
    n, best = len(search.trials), search.best
    words = (
        f"Validation scores of {plural(n, 'trial')} of settings; orange: the one that was chosen "
        f"(trial {best.number}). Trial 0 had the settings as they were given. "
    )
    if best.schedule:
        words += (
            "Below, the settings over the training of the weights that were chosen, each dot where "
            "weights were copied and settings perturbed. "
        )
    if failed := sum(not each.best for each in search.trials):
        words += f"{failed} failed; tune.json says why. "
    return words + "The test trials had no part in the search."


TUNING = Section("tuning", "Search of the settings", draw_tuning, searched=True)
