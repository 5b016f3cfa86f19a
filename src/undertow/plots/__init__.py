"""Figures, one function each, from a `Prediction` or a fitted model to matplotlib axes.

What is drawn is computed by `undertow.analysis`, which returns it as plain arrays. A new figure is
drawn by pyplot, so that a notebook shows it; pass `figure=` to draw into one of your own, such as a
subfigure.
"""

from undertow.plots.behavior import behavior
from undertow.plots.drift_field import drift_field
from undertow.plots.generated import generated
from undertow.plots.hand_paths import hand_paths
from undertow.plots.latent_curve import latent_curve
from undertow.plots.latents import latents
from undertow.plots.learning_curves import learning_curves
from undertow.plots.model_pair import model_pair
from undertow.plots.neurons import neurons
from undertow.plots.oscillators import coupling, oscillators
from undertow.plots.phase_portrait import phase_portrait
from undertow.plots.population import population
from undertow.plots.predictive import predictive
from undertow.plots.psth import psth
from undertow.plots.psth_spikes import psth_spikes
from undertow.plots.rasters import rasters
from undertow.plots.regimes import regimes
from undertow.plots.score_intervals import score_intervals
from undertow.plots.single_trials import single_trials
from undertow.plots.training import training
from undertow.plots.tuning import tuning
from undertow.plots.velocity import velocity
from undertow.plots.waves import waves

__all__ = [
    "behavior",
    "coupling",
    "drift_field",
    "generated",
    "hand_paths",
    "latent_curve",
    "latents",
    "learning_curves",
    "model_pair",
    "neurons",
    "oscillators",
    "phase_portrait",
    "population",
    "predictive",
    "psth",
    "psth_spikes",
    "rasters",
    "regimes",
    "score_intervals",
    "single_trials",
    "training",
    "tuning",
    "velocity",
    "waves",
]
