"""What the figures show, as plain arrays."""

from undertow.analysis.behavior import DecodedVelocity, HandPaths, decoded_velocity, hand_paths
from undertow.analysis.components import Components, principal_components
from undertow.analysis.conditions import ConditionAverages, condition_averages
from undertow.analysis.examples import example_neurons, example_trials
from undertow.analysis.history import history_columns
from undertow.analysis.latent_timescales import autocorrelation_time, latent_timescales
from undertow.analysis.neurons import NeuronTable, neuron_table
from undertow.analysis.oscillators import (
    CouplingOverTime,
    NaturalFrequencies,
    coupling_over_time,
    natural_frequencies,
)
from undertow.analysis.population import PopulationRates, population_rates
from undertow.analysis.predicted_behavior import PredictedBehavior, predicted_behavior
from undertow.analysis.psth import Psth, psth
from undertow.analysis.singletrials import Rasters, SingleTrialRates, rasters, single_trial_rates
from undertow.analysis.timeaxis import TimeAxis
from undertow.analysis.vector_field import PhasePortrait, phase_portrait
from undertow.analysis.waves import wave_groups

__all__ = [
    "Components",
    "ConditionAverages",
    "CouplingOverTime",
    "DecodedVelocity",
    "HandPaths",
    "NaturalFrequencies",
    "NeuronTable",
    "PhasePortrait",
    "PopulationRates",
    "PredictedBehavior",
    "Psth",
    "Rasters",
    "SingleTrialRates",
    "TimeAxis",
    "autocorrelation_time",
    "condition_averages",
    "coupling_over_time",
    "decoded_velocity",
    "example_neurons",
    "example_trials",
    "hand_paths",
    "history_columns",
    "latent_timescales",
    "natural_frequencies",
    "neuron_table",
    "phase_portrait",
    "population_rates",
    "predicted_behavior",
    "principal_components",
    "psth",
    "rasters",
    "single_trial_rates",
    "wave_groups",
]
