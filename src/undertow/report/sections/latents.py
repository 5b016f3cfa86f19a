"""Principal components of the latents."""

from typing import TYPE_CHECKING

from undertow.errors import UndertowError
from undertow.report.record import RunRecord
from undertow.report.section import ORDERED_COLOURS, Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


MANY_TRIALS = 60


def draw(record: RunRecord, figure: "Figure") -> str:
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
    return words + ("" if trials.condition is None else ORDERED_COLOURS) + time_words(record)


LATENTS = Section("latents", "Latents", draw)
