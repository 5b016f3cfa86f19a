"""Scores: predictions of trials in, numbers with bootstrap intervals over trials out."""

from undertow.evaluation.scores.bootstrap import bootstrap_weights
from undertow.evaluation.scores.few_shot import few_shot_scores, few_shot_statistics
from undertow.evaluation.scores.generation import generation_statistics
from undertow.evaluation.scores.score import Score, Scores, combine, pooled_score
from undertow.evaluation.scores.scorer import Scorer, scorer
from undertow.evaluation.scores.scoring import (
    compare,
    per_neuron_scores,
    score_prediction,
    sufficient_statistics,
)
from undertow.evaluation.scores.spread import SpreadFactor, spread_factor, widened
from undertow.evaluation.scores.statistic import Statistic, load_statistics, save_statistics
from undertow.evaluation.scores.velocity import LogRates, decode_velocity, velocity_channels

__all__ = [
    "LogRates",
    "Score",
    "Scorer",
    "Scores",
    "SpreadFactor",
    "Statistic",
    "bootstrap_weights",
    "combine",
    "compare",
    "decode_velocity",
    "few_shot_scores",
    "few_shot_statistics",
    "generation_statistics",
    "load_statistics",
    "per_neuron_scores",
    "pooled_score",
    "save_statistics",
    "score_prediction",
    "scorer",
    "spread_factor",
    "sufficient_statistics",
    "velocity_channels",
    "widened",
]
