"""Where held-out neurons' spikes lie in what was predicted for them."""

from typing import TYPE_CHECKING

from undertow.errors import UndertowError
from undertow.report.record import RunRecord
from undertow.report.section import Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_predictive(record: RunRecord, figure: "Figure") -> str:
    """Draw the PIT of held-out spikes and say how to read it, and what it cannot tell here."""
    from undertow import analysis, plots

    if record.prediction.rate_samples is None:
        raise UndertowError(
            f"{record.model_name} has no posterior samples here, or too many to be kept."
        )
    plots.predictive(record.prediction, figure=figure)
    shown = analysis.pit_histogram(record.prediction)
    words = (
        f"Where {shown.n_counts} counts of held-out neurons, each over {shown.window_s:g} s, lie "
        "in the law predicted for them (posterior samples of the rates, and the noise of spikes). "
        "Left: level where predictions are right; a bowl where they are too sure, a hill where "
        "they are not sure enough, a slope where rates are too low or too high. Right: by how many "
        "points central intervals hold more or fewer counts than they say. Grey: where right "
        f"predictions would lie in {100 * shown.level:g} % of cases. Their 90 % interval holds "
        f"{100 * shown.held[-2]:.1f} %, and {100 * shown.held_alone[-2]:.1f} % were the mean rates "
        "certain (dashed)."
    )
    if abs(shown.held[-2] - shown.held_alone[-2]) < shown.held_high[-2] - shown.held_low[-2]:
        words += (
            " The two differ by less than chance allows: these spikes hardly tell how wide the "
            "posterior of the rates should be."
        )
    return words


PREDICTIVE = Section("predicted_spikes", "Calibration of predicted spikes", draw_predictive)
