"""Variational inference: posteriors over paths, their divergences, coordinated dropout."""

from undertow.inference.bounds import evidence_bound, importance_weighted_bound
from undertow.inference.coordinated_dropout import coordinated_dropout, likelihood_weight
from undertow.inference.gaussian import (
    GaussianHead,
    Positive,
    gaussian_kl,
    kl_to_standard_normal,
    released_step_kl,
)
from undertow.inference.initial_state import InitialHead, InitialLaw
from undertow.inference.kl_schedule import KLSchedule
from undertow.inference.marginals import Flow, Marginal
from undertow.inference.matched_steering import MatchedSteering
from undertow.inference.parameter_law import ParameterLaw
from undertow.inference.solving import Path, draw_noise, solve
from undertow.inference.steering import ControlSteering, DriftSteering, Steering
from undertow.inference.time_grid import TimeGrid

__all__ = [
    "ControlSteering",
    "DriftSteering",
    "Flow",
    "GaussianHead",
    "InitialHead",
    "InitialLaw",
    "KLSchedule",
    "Marginal",
    "MatchedSteering",
    "ParameterLaw",
    "Path",
    "Positive",
    "Steering",
    "TimeGrid",
    "coordinated_dropout",
    "draw_noise",
    "evidence_bound",
    "gaussian_kl",
    "importance_weighted_bound",
    "kl_to_standard_normal",
    "likelihood_weight",
    "released_step_kl",
    "solve",
]
