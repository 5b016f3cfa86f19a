"""Rates and behaviour that the model generates from the start of a trial."""

from typing import TYPE_CHECKING

from undertow.errors import UndertowError
from undertow.report.record import RunRecord
from undertow.report.section import Section, time_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEVEL = 0.9


def draw_generated(record: RunRecord, figure: "Figure") -> str:
    """Draw generated beside inferred rates and say from what they were generated."""
    from undertow import analysis, plots

    prediction, how = record.prediction, _how(record)
    plots.generated(prediction, record.generated, training=record.training, figure=figure)
    what = "Rates, trial by trial,"
    if prediction.trials.condition is not None:
        reference = analysis.psth(prediction, training=record.training).reference_name
        what = f"Averages over the test trials: {reference}; rates"
    return f"{what} {how}{time_words(record)}"


def _how(record: RunRecord) -> str:
    """Say from what rates or behaviour were inferred, and from what they were generated.

    Raises:
        UndertowError: for a model that does not generate.
    """
    if record.generated is None:
        raise UndertowError(f"{record.model_name} does not generate.")
    seen_s = record.generated.seen_bins * record.prediction.trials.bin_s
    start = (
        f"the first {seen_s:g} s of a trial (left of the dotted line)"
        if seen_s
        else "no observation at all"
    )
    return (
        f"'inferred' from all observations, and 'generated': the start from {start}, then the "
        "prior with the stimulus alone."
    )


GENERATED = Section("generated_rates", "Generated rates", draw_generated, generative=True)


def draw_behavior(record: RunRecord, figure: "Figure") -> str:
    """Draw predicted beside measured behaviour and say what it was predicted from."""
    from undertow import analysis, plots

    prediction, how = record.prediction, _how(record)
    axes = plots.behavior(prediction, record.generated, level=LEVEL, figure=figure)
    words = (
        f"Behaviour the model itself predicts for {axes.shape[1]} test trials, from latents "
        f"inferred without seeing any behaviour: {how}"
    )
    if prediction.behavior_categories:
        words += " In each bin the likeliest category is drawn."
    if prediction.behavior_std is not None:
        words += f" Band: central {100 * LEVEL:g} % of an observed value, taken as Gaussian."
        held = analysis.predicted_behavior(prediction, level=LEVEL).held
        if held is not None:
            words += f" It holds {100 * held:.0f} % of the values measured in all test trials."
    return words + time_words(record)


BEHAVIOR = Section(
    "predicted_behavior", "Behaviour predicted by the model", draw_behavior, generative=True
)
