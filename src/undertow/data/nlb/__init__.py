"""The Neural Latents Benchmark: its seven sets, their tensors, its files (Pei, Ye et al. 2021)."""

from undertow.data.nlb.dandi import download_set
from undertow.data.nlb.layout import read_targets, read_tensors, write_tensors
from undertow.data.nlb.making import make_tensors
from undertow.data.nlb.sets import NLB_SETS, NLBSet, nlb_set
from undertow.data.nlb.submission import Submission, read_submission, write_submission
from undertow.data.nlb.tensors import Phase, Tensors
from undertow.data.nlb.trials import submission_of, trials_of

__all__ = [
    "NLB_SETS",
    "NLBSet",
    "Phase",
    "Submission",
    "Tensors",
    "download_set",
    "make_tensors",
    "nlb_set",
    "read_submission",
    "read_targets",
    "read_tensors",
    "submission_of",
    "trials_of",
    "write_submission",
    "write_tensors",
]
