"""Figures of what `undertow.analysis` returns; nothing is computed here."""

from undertow.plots.components import plot_components
from undertow.plots.kinematics import plot_hand_paths, plot_velocity
from undertow.plots.latent_curve import plot_latent_curve
from undertow.plots.neurons import plot_neuron_scores
from undertow.plots.oscillators import plot_coupling, plot_frequencies
from undertow.plots.population import plot_population
from undertow.plots.predicted_behavior import plot_predicted_behavior
from undertow.plots.psth import plot_psth, plot_psth_with_spikes
from undertow.plots.rasters import plot_rasters
from undertow.plots.singletrials import plot_single_trials
from undertow.plots.style import mark_all_seen, png_bytes
from undertow.plots.training import plot_training
from undertow.plots.vector_field import plot_phase_portrait
from undertow.plots.waves import plot_waves

__all__ = [
    "mark_all_seen",
    "plot_components",
    "plot_coupling",
    "plot_frequencies",
    "plot_hand_paths",
    "plot_latent_curve",
    "plot_neuron_scores",
    "plot_phase_portrait",
    "plot_population",
    "plot_predicted_behavior",
    "plot_psth",
    "plot_psth_with_spikes",
    "plot_rasters",
    "plot_single_trials",
    "plot_training",
    "plot_velocity",
    "plot_waves",
    "png_bytes",
]
