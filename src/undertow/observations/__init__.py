"""Observation models: features → likelihood."""

from undertow.observations.base import Observation
from undertow.observations.behavior import BehaviorObservation
from undertow.observations.categorical import CategoricalObservation
from undertow.observations.categorical_channels import CategoricalChannels
from undertow.observations.counts import CountObservation
from undertow.observations.gaussian import GaussianObservation
from undertow.observations.negative_binomial import NegativeBinomialObservation
from undertow.observations.poisson import PoissonObservation, poisson_log_prob

__all__ = [
    "BehaviorObservation",
    "CategoricalChannels",
    "CategoricalObservation",
    "CountObservation",
    "GaussianObservation",
    "NegativeBinomialObservation",
    "Observation",
    "PoissonObservation",
    "poisson_log_prob",
]
