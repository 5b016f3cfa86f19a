"""Scores: predictions of trials in, numbers with bootstrap intervals over trials out."""

from undertow.evaluation.scores.bootstrap import bootstrap_weights
from undertow.evaluation.scores.few_shot import few_shot_scores, few_shot_statistics
from undertow.evaluation.scores.generation import generation_statistics
from undertow.evaluation.scores.hidden import MASKS, hidden_prediction, speckles, with_hidden
from undertow.evaluation.scores.intervals import (
    SpreadRatio,
    interval_statistics,
    interval_words,
)
from undertow.evaluation.scores.missing import missing_scores
from undertow.evaluation.scores.predictive import PitDeviation, predictive_statistics
from undertow.evaluation.scores.score import Score, Scores, combine, pooled_score
from undertow.evaluation.scores.scorer import Scorer, scorer
from undertow.evaluation.scores.scoring import (
    compare,
    model_statistics,
    per_neuron_scores,
    rate_statistics,
    score_prediction,
    sufficient_statistics,
)
from undertow.evaluation.scores.spread import SpreadFactor, spread_factor, widened
from undertow.evaluation.scores.statistic import Statistic, load_statistics, save_statistics
from undertow.evaluation.scores.transfer import transfer_statistic
from undertow.evaluation.scores.truth import TRUE_RATES, truth_statistics
from undertow.evaluation.scores.velocity import LogRates, decode_velocity, velocity_channels

__all__ = [
    "MASKS",
    "TRUE_RATES",
    "LogRates",
    "PitDeviation",
    "Score",
    "Scorer",
    "Scores",
    "SpreadFactor",
    "SpreadRatio",
    "Statistic",
    "bootstrap_weights",
    "combine",
    "compare",
    "decode_velocity",
    "few_shot_scores",
    "few_shot_statistics",
    "generation_statistics",
    "hidden_prediction",
    "interval_statistics",
    "interval_words",
    "load_statistics",
    "missing_scores",
    "model_statistics",
    "per_neuron_scores",
    "pooled_score",
    "predictive_statistics",
    "rate_statistics",
    "save_statistics",
    "score_prediction",
    "scorer",
    "speckles",
    "spread_factor",
    "sufficient_statistics",
    "transfer_statistic",
    "truth_statistics",
    "velocity_channels",
    "widened",
    "with_hidden",
]
