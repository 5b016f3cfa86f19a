"""Experiments: one run from trials to report, cross-validation, grids of fits, and the models there
are."""

from undertow.experiments.ablation import ARMS, ablate
from undertow.experiments.ablation_result import Ablation, ArmResult, latent_information
from undertow.experiments.cost import Estimate, estimate
from undertow.experiments.cross_validation import cross_validate
from undertow.experiments.dynamics_settings import build_dynamics, split_dynamics
from undertow.experiments.evaluating import SavedRun
from undertow.experiments.exporting import write_csv, write_netcdf
from undertow.experiments.fitting import fold_splits
from undertow.experiments.grid import Cell, CellResult, run_grid
from undertow.experiments.latent_curve import latent_curve, resized, size_name
from undertow.experiments.latent_curve_result import LatentCurve
from undertow.experiments.nlb import NLBRun, fit_nlb, write_nlb_scores
from undertow.experiments.nlb_presets import nlb_preset
from undertow.experiments.preparing import prepare
from undertow.experiments.scores import ScoreTable, score_table, write_scores
from undertow.experiments.settings import construct, parse_pairs, read_toml
from undertow.experiments.single_run import RunResult, run
from undertow.models.loading import load_model, model_choices, model_class

__all__ = [
    "ARMS",
    "Ablation",
    "ArmResult",
    "Cell",
    "CellResult",
    "Estimate",
    "LatentCurve",
    "NLBRun",
    "RunResult",
    "SavedRun",
    "ScoreTable",
    "ablate",
    "build_dynamics",
    "construct",
    "cross_validate",
    "estimate",
    "fit_nlb",
    "fold_splits",
    "latent_curve",
    "latent_information",
    "load_model",
    "model_choices",
    "model_class",
    "nlb_preset",
    "parse_pairs",
    "prepare",
    "read_toml",
    "resized",
    "run",
    "run_grid",
    "score_table",
    "size_name",
    "split_dynamics",
    "write_csv",
    "write_netcdf",
    "write_nlb_scores",
    "write_scores",
]
