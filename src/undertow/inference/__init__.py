"""Variational inference: posteriors over paths, their divergences, coordinated dropout."""

from undertow.inference.bounds import evidence_bound, importance_weighted_bound
from undertow.inference.coordinated_dropout import coordinated_dropout, likelihood_weight
from undertow.inference.drift_inference import (
    DriftStatistics,
    Steps,
    collapsed_bound,
    expected_log_steps,
    infer_drift,
)
from undertow.inference.gaussian import (
    GaussianHead,
    Positive,
    gaussian_kl,
    kl_to_standard_normal,
    released_step_kl,
)
from undertow.inference.gaussian_chain import Elimination, GaussianChain, Moments
from undertow.inference.initial_state import InitialHead, InitialLaw
from undertow.inference.kl_schedule import KLSchedule
from undertow.inference.natural_gradient import PathPosteriors, infer_paths
from undertow.inference.parameter_law import ParameterLaw
from undertow.inference.path_readouts import GaussianReadout, PathReadout, PoissonReadout
from undertow.inference.solving import Path, draw_noise, solve
from undertow.inference.steering import ControlSteering, DriftSteering, Steering
from undertow.inference.time_grid import TimeGrid

__all__ = [
    "ControlSteering",
    "DriftStatistics",
    "DriftSteering",
    "Elimination",
    "GaussianChain",
    "GaussianHead",
    "GaussianReadout",
    "InitialHead",
    "InitialLaw",
    "KLSchedule",
    "Moments",
    "ParameterLaw",
    "Path",
    "PathPosteriors",
    "PathReadout",
    "PoissonReadout",
    "Positive",
    "Steering",
    "Steps",
    "TimeGrid",
    "collapsed_bound",
    "coordinated_dropout",
    "draw_noise",
    "evidence_bound",
    "expected_log_steps",
    "gaussian_kl",
    "importance_weighted_bound",
    "infer_drift",
    "infer_paths",
    "kl_to_standard_normal",
    "likelihood_weight",
    "released_step_kl",
    "solve",
]
