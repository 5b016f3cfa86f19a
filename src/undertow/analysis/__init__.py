"""Analysis: what the figures show, as plain arrays."""

from undertow.analysis.averages import (
    ConditionAverages,
    PopulationRates,
    Psth,
    condition_averages,
    population_rates,
    psth,
)
from undertow.analysis.behavior import (
    DecodedVelocity,
    HandPaths,
    PredictedBehavior,
    decoded_velocity,
    hand_paths,
    predicted_behavior,
)
from undertow.analysis.calibration import CalibrationRanks, simulation_based_calibration
from undertow.analysis.drift_field import DriftField, drift_field
from undertow.analysis.examples import (
    example_conditions,
    example_neurons,
    example_trials,
    trial_groups,
)
from undertow.analysis.frequencies import NaturalFrequencies, natural_frequencies
from undertow.analysis.latents import (
    Components,
    autocorrelation_time,
    latent_timescales,
    principal_components,
    wave_groups,
)
from undertow.analysis.oscillators import CouplingOverTime, coupling_over_time
from undertow.analysis.predictive import PitHistogram, pit_histogram
from undertow.analysis.regimes import RegimeMap, regime_map
from undertow.analysis.single_trials import (
    Rasters,
    SingleTrialRates,
    rasters,
    single_trial_rates,
)
from undertow.analysis.tables import NeuronTable, history_columns, neuron_table
from undertow.analysis.timeaxis import TimeAxis
from undertow.analysis.vector_field import PhasePortrait, phase_portrait

__all__ = [
    "CalibrationRanks",
    "Components",
    "ConditionAverages",
    "CouplingOverTime",
    "DecodedVelocity",
    "DriftField",
    "HandPaths",
    "NaturalFrequencies",
    "NeuronTable",
    "PhasePortrait",
    "PitHistogram",
    "PopulationRates",
    "PredictedBehavior",
    "Psth",
    "Rasters",
    "RegimeMap",
    "SingleTrialRates",
    "TimeAxis",
    "autocorrelation_time",
    "condition_averages",
    "coupling_over_time",
    "decoded_velocity",
    "drift_field",
    "example_conditions",
    "example_neurons",
    "example_trials",
    "hand_paths",
    "history_columns",
    "latent_timescales",
    "natural_frequencies",
    "neuron_table",
    "phase_portrait",
    "pit_histogram",
    "population_rates",
    "predicted_behavior",
    "principal_components",
    "psth",
    "rasters",
    "regime_map",
    "simulation_based_calibration",
    "single_trial_rates",
    "trial_groups",
    "wave_groups",
]
