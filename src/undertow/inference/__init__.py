"""Variational inference: posteriors over paths, their divergences, coordinated dropout."""

from undertow.inference.bounds import evidence_bound, importance_weighted_bound
from undertow.inference.chain_prior import ChainLaw, ChainPrior
from undertow.inference.controlled_chain import ControlledChain
from undertow.inference.coordinated_dropout import (
    Share,
    check_share,
    coordinated_dropout,
    likelihood_weight,
    mean_share,
)
from undertow.inference.discrete_paths import RegimeLaw, infer_regimes
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
from undertow.inference.gaussian_process_prior import GaussianProcessPrior, ProcessLaw
from undertow.inference.initial_state import InitialHead, InitialLaw
from undertow.inference.kl_schedule import KLSchedule
from undertow.inference.linear_regimes import LinearRegimes
from undertow.inference.look_ahead import LookAhead, learn_look_ahead
from undertow.inference.marginals import Flow, Marginal
from undertow.inference.matched_steering import MatchedSteering
from undertow.inference.natural_gradient import PathPosteriors, infer_paths
from undertow.inference.parameter_law import ParameterLaw
from undertow.inference.particles import (
    Particles,
    effective_number,
    run_particles,
    systematic,
)
from undertow.inference.path_law import PathLaw
from undertow.inference.path_readouts import GaussianReadout, PathReadout, PoissonReadout
from undertow.inference.refinement import Refined, RefinedSteering, refine
from undertow.inference.regime_moves import RegimeMoves
from undertow.inference.site_inference import (
    ConditionedLaw,
    PathPrior,
    SitePosterior,
    Sites,
    infer_sites,
)
from undertow.inference.smoothing import SmoothedPaths, sample_backwards, smooth
from undertow.inference.solving import Path, draw_noise, solve
from undertow.inference.steering import ControlSteering, DriftSteering, Steering
from undertow.inference.time_grid import TimeGrid

__all__ = [
    "ChainLaw",
    "ChainPrior",
    "ConditionedLaw",
    "ControlSteering",
    "ControlledChain",
    "DriftStatistics",
    "DriftSteering",
    "Elimination",
    "Flow",
    "GaussianChain",
    "GaussianHead",
    "GaussianProcessPrior",
    "GaussianReadout",
    "InitialHead",
    "InitialLaw",
    "KLSchedule",
    "LinearRegimes",
    "LookAhead",
    "Marginal",
    "MatchedSteering",
    "Moments",
    "ParameterLaw",
    "Particles",
    "Path",
    "PathLaw",
    "PathPosteriors",
    "PathPrior",
    "PathReadout",
    "PoissonReadout",
    "Positive",
    "ProcessLaw",
    "Refined",
    "RefinedSteering",
    "RegimeLaw",
    "RegimeMoves",
    "Share",
    "SitePosterior",
    "Sites",
    "SmoothedPaths",
    "Steering",
    "Steps",
    "TimeGrid",
    "check_share",
    "collapsed_bound",
    "coordinated_dropout",
    "draw_noise",
    "effective_number",
    "evidence_bound",
    "expected_log_steps",
    "gaussian_kl",
    "importance_weighted_bound",
    "infer_drift",
    "infer_paths",
    "infer_regimes",
    "infer_sites",
    "kl_to_standard_normal",
    "learn_look_ahead",
    "likelihood_weight",
    "mean_share",
    "refine",
    "released_step_kl",
    "run_particles",
    "sample_backwards",
    "smooth",
    "solve",
    "systematic",
]
