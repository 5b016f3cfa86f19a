"""Regimes: the likeliest one of each bin, trial by trial."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MANY_TRIALS = 200


def draw_regimes(record: RunRecord, figure: "Figure") -> str:
    """Draw the likeliest regime of each bin and say how to read it."""
    from undertow import analysis, plots

    plots.regimes(record.prediction, trials=MANY_TRIALS, figure=figure)
    found = analysis.regime_map(record.prediction, MANY_TRIALS)
    sorted_by = f", sorted by {found.what}" if found.what else ""
    return (
        f"Likeliest of {len(found.share)} regimes in each bin of {len(found.order)} test "
        f"trials{sorted_by}; the paler, the less certain. Numbers of regimes have no order."
        + time_words(record)
    )


REGIMES = Section("regimes", "Regimes", draw_regimes, latent="regimes")
