"""Natural frequencies of the oscillators."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import NOT_IDENTIFIABLE, Section, fitted_models

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw the frequencies of each region and say what dots and bars are."""
    from undertow import plots

    models = fitted_models(record)
    plots.oscillators(models, figure=figure)
    words = (
        "Frequency at which each oscillator would turn alone (dots), and the median of each "
        "region (bars)."
    )
    if len(models) > 1:
        words += f" Rows of dots: {len(models)} fits that differ in their seed."
    return words + NOT_IDENTIFIABLE


OSCILLATORS = Section("frequencies", "Natural frequencies", draw, generative=True)
