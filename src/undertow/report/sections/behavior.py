"""Behaviour predicted by the model itself."""

from typing import TYPE_CHECKING

from undertow.report.record import RunRecord
from undertow.report.section import Section, generation_words, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


LEVEL = 0.9


def draw(record: RunRecord, figure: "Figure") -> str:
    """Draw predicted beside measured behaviour and say what it was predicted from."""
    from undertow import plots

    prediction, how = record.prediction, generation_words(record)
    axes = plots.behavior(prediction, record.generated, level=LEVEL, figure=figure)
    words = (
        f"Behaviour the model itself predicts for {axes.shape[1]} test trials, from latents "
        f"inferred without seeing any behaviour: {how}"
    )
    if prediction.behavior_categories:
        words += " In each bin the likeliest category is drawn."
    if prediction.behavior_std is not None:
        words += f" Band: central {100 * LEVEL:g} % of an observed value, taken as Gaussian."
    return words + time_words(record)


BEHAVIOR = Section("predicted_behavior", "Behaviour predicted by the model", draw, generative=True)
