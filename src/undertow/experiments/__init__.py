"""Experiments: one run from trials to report, cross-validation, and grids of fits."""

from undertow.experiments.ablation import ARMS, ablate
from undertow.experiments.ablation_result import Ablation, ArmResult
from undertow.experiments.budget import Budgeted, within_budget
from undertow.experiments.cells import Cell, CellResult
from undertow.experiments.comparison import (
    Compared,
    Comparison,
    Comparisons,
    compare,
    compare_recordings,
    compared_by_default,
    named_models,
)
from undertow.experiments.cost import Estimate, estimate
from undertow.experiments.cross_validation import cross_validate
from undertow.experiments.grid import run_grid
from undertow.experiments.joint_run import JointResult, run_sessions
from undertow.experiments.latent_curve import latent_curve, resized, size_name
from undertow.experiments.latent_curve_result import LatentCurve
from undertow.experiments.prediction_files import write_csv, write_netcdf
from undertow.experiments.preparing import prepare, read_trials
from undertow.experiments.saved_run import SavedRun
from undertow.experiments.scores import (
    ScoreTable,
    latent_reliance,
    score_table,
    score_text,
    write_scores,
)
from undertow.experiments.search import Search, SearchResult, random_search
from undertow.experiments.single_run import RunResult, run
from undertow.experiments.tuning import TuneResult, tune
from undertow.experiments.workers import Shard, Workers
from undertow.models.loading import load_model, model_choices, model_class

__all__ = [
    "ARMS",
    "Ablation",
    "ArmResult",
    "Budgeted",
    "Cell",
    "CellResult",
    "Compared",
    "Comparison",
    "Comparisons",
    "Estimate",
    "JointResult",
    "LatentCurve",
    "RunResult",
    "SavedRun",
    "ScoreTable",
    "Search",
    "SearchResult",
    "Shard",
    "TuneResult",
    "Workers",
    "ablate",
    "compare",
    "compare_recordings",
    "compared_by_default",
    "cross_validate",
    "estimate",
    "latent_curve",
    "latent_reliance",
    "load_model",
    "model_choices",
    "model_class",
    "named_models",
    "prepare",
    "random_search",
    "read_trials",
    "resized",
    "run",
    "run_grid",
    "run_sessions",
    "score_table",
    "score_text",
    "size_name",
    "tune",
    "within_budget",
    "write_csv",
    "write_netcdf",
    "write_scores",
]
