"""The figures of a report, in order."""

from undertow.report.draw_dynamics import draw_coupling, draw_frequencies, draw_phase_portrait
from undertow.report.draw_generated import draw_generated_rates, draw_predicted_behavior
from undertow.report.draw_latents import draw_components, draw_waves
from undertow.report.draw_rates import (
    draw_population,
    draw_psth,
    draw_psth_with_spikes,
    draw_rasters,
    draw_single_trials,
)
from undertow.report.draw_scores import draw_neuron_scores, draw_training
from undertow.report.draw_velocity import draw_hand_paths, draw_velocity
from undertow.report.figure import FigureKind
from undertow.report.record import RunRecord

FIGURES = (
    FigureKind("rasters", "Spikes and inferred rates", draw_rasters),
    FigureKind("single_trials", "Single trials, single neurons", draw_single_trials),
    FigureKind("psth", "Trial averages by condition", draw_psth),
    FigureKind("psth_spikes", "Trial averages and the spikes behind them", draw_psth_with_spikes),
    FigureKind("population", "Population rate", draw_population),
    FigureKind("latents", "Latents", draw_components),
    FigureKind("waves", "Waves of the oscillator groups", draw_waves),
    FigureKind("velocity", "Decoded velocity", draw_velocity),
    FigureKind("hand_paths", "Hand paths", draw_hand_paths),
    FigureKind("neuron_scores", "Scores of single neurons", draw_neuron_scores),
    FigureKind("training", "Training", draw_training),
)
GENERATIVE_FIGURES = (
    FigureKind("generated_rates", "Generated rates", draw_generated_rates),
    FigureKind("predicted_behavior", "Behaviour predicted by the model", draw_predicted_behavior),
    FigureKind("frequencies", "Natural frequencies", draw_frequencies),
    FigureKind("coupling", "Coupling over time", draw_coupling),
    FigureKind("phase_portrait", "Phase portrait", draw_phase_portrait),
)


def figures_of(record: RunRecord) -> tuple[FigureKind, ...]:
    """The figures of this record's report: some only where the model generates."""
    return FIGURES if record.generated is None else FIGURES + GENERATIVE_FIGURES
