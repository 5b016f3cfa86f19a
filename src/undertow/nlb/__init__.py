"""The Neural Latents Benchmark: sets, tensors, files, fits, scores and submissions.

Pei, Ye et al. 2021, "Neural Latents Benchmark '21" (NeurIPS Datasets and Benchmarks).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from undertow.data.readers.nlb_sets import NLB_SETS, NLBSet, nlb_set
from undertow.nlb.dandi import download_set
from undertow.nlb.files import read_nlb_tensors, read_targets, write_nlb_tensors
from undertow.nlb.making import make_tensors
from undertow.nlb.published import PublishedScores, published_scores
from undertow.nlb.scoring import NLBScores, mean_nlb_scores, score_submission
from undertow.nlb.submission import Submission, read_submission, write_submission
from undertow.nlb.tensors import Phase, Tensors
from undertow.nlb.trials import submission_of, trials_of

if TYPE_CHECKING:
    from undertow.nlb.fitting import NLBRun, fit_nlb, write_nlb_scores
    from undertow.nlb.presets import nlb_preset
    from undertow.nlb.truth import fetch_truth
    from undertow.nlb.truth_scores import TruthScores, score_test_trials

__all__ = [
    "NLB_SETS",
    "NLBRun",
    "NLBScores",
    "NLBSet",
    "Phase",
    "PublishedScores",
    "Submission",
    "Tensors",
    "TruthScores",
    "download_set",
    "fetch_truth",
    "fit_nlb",
    "make_tensors",
    "mean_nlb_scores",
    "nlb_preset",
    "nlb_set",
    "published_scores",
    "read_nlb_tensors",
    "read_submission",
    "read_targets",
    "score_submission",
    "score_test_trials",
    "submission_of",
    "trials_of",
    "write_nlb_scores",
    "write_nlb_tensors",
    "write_submission",
]

# some load torch, which downloading, making and scoring do without; some reach the truth of test
# trials, which whatever prepares, fits or chooses does without
_LATER = {
    "NLBRun": "undertow.nlb.fitting",
    "TruthScores": "undertow.nlb.truth_scores",
    "fetch_truth": "undertow.nlb.truth",
    "fit_nlb": "undertow.nlb.fitting",
    "nlb_preset": "undertow.nlb.presets",
    "score_test_trials": "undertow.nlb.truth_scores",
    "write_nlb_scores": "undertow.nlb.fitting",
}


def __getattr__(name: str) -> Any:
    """Import a public name of `_LATER` on first use (PEP 562)."""
    if name not in _LATER:
        raise AttributeError(f"module 'undertow.nlb' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)
