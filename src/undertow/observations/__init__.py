"""Observation models: features → likelihood."""

from undertow.observations.base import Observation
from undertow.observations.categorical import CategoricalObservation
from undertow.observations.counts import CountObservation
from undertow.observations.gaussian import GaussianObservation
from undertow.observations.negative_binomial import NegativeBinomialObservation
from undertow.observations.poisson import PoissonObservation, poisson_log_prob

__all__ = [
    "CategoricalObservation",
    "CountObservation",
    "GaussianObservation",
    "NegativeBinomialObservation",
    "Observation",
    "PoissonObservation",
    "poisson_log_prob",
]
