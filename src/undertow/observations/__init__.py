"""Observation models: features → likelihood of spikes, behaviour and labels."""

from undertow.observations.base import BehaviorObservation, Observation, Per
from undertow.observations.categorical import CategoricalObservation
from undertow.observations.categorical_channels import CategoricalChannels
from undertow.observations.counts import CountObservation, Link
from undertow.observations.gaussian import GaussianObservation
from undertow.observations.negative_binomial import NegativeBinomialObservation, count_dispersion
from undertow.observations.poisson import PoissonObservation, poisson_log_prob
from undertow.observations.readout_law import ReadoutLaw

__all__ = [
    "BehaviorObservation",
    "CategoricalChannels",
    "CategoricalObservation",
    "CountObservation",
    "GaussianObservation",
    "Link",
    "NegativeBinomialObservation",
    "Observation",
    "Per",
    "PoissonObservation",
    "ReadoutLaw",
    "count_dispersion",
    "poisson_log_prob",
]
