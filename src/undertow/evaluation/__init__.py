"""Scores: plain arrays in, numbers out; and scores of predictions with bootstrap intervals."""

from undertow.evaluation.bootstrap import bootstrap_weights
from undertow.evaluation.decoding import (
    VelocityDecoder,
    fit_log_rate_decoder,
    fit_velocity_decoder,
    log_rate_velocity_r2,
    velocity_r2,
)
from undertow.evaluation.few_shot import (
    FewShotScore,
    few_shot_co_smoothing,
    few_shot_scores,
    few_shot_statistics,
)
from undertow.evaluation.generation import generation_statistics
from undertow.evaluation.labels import LabelScore, label_accuracy
from undertow.evaluation.likelihood import (
    bits_per_spike,
    co_smoothing_bps,
    forward_bps,
    negative_log_likelihood,
)
from undertow.evaluation.neurons import per_neuron_scores
from undertow.evaluation.psth import psth, psth_r2
from undertow.evaluation.rates import rate_r2
from undertow.evaluation.score import Score, Scores, combine, pooled_score
from undertow.evaluation.scoring import compare, score_prediction, sufficient_statistics
from undertow.evaluation.spread import SpreadFactor, spread_factor, widened
from undertow.evaluation.statistic import Statistic, load_statistics, save_statistics
from undertow.evaluation.timing import produced_time_correlation
from undertow.evaluation.velocity import LogRates, decode_velocity, velocity_channels

__all__ = [
    "FewShotScore",
    "LabelScore",
    "LogRates",
    "Score",
    "Scores",
    "SpreadFactor",
    "Statistic",
    "VelocityDecoder",
    "bits_per_spike",
    "bootstrap_weights",
    "co_smoothing_bps",
    "combine",
    "compare",
    "decode_velocity",
    "few_shot_co_smoothing",
    "few_shot_scores",
    "few_shot_statistics",
    "fit_log_rate_decoder",
    "fit_velocity_decoder",
    "forward_bps",
    "generation_statistics",
    "label_accuracy",
    "load_statistics",
    "log_rate_velocity_r2",
    "negative_log_likelihood",
    "per_neuron_scores",
    "pooled_score",
    "produced_time_correlation",
    "psth",
    "psth_r2",
    "rate_r2",
    "save_statistics",
    "score_prediction",
    "spread_factor",
    "sufficient_statistics",
    "velocity_channels",
    "velocity_r2",
    "widened",
]
