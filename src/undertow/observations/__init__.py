"""Observation models: features → likelihood."""

from undertow.observations.base import Observation
from undertow.observations.poisson import PoissonObservation, poisson_log_prob

__all__ = ["Observation", "PoissonObservation", "poisson_log_prob"]
