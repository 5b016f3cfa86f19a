"""Metrics: plain arrays in, numbers out."""

from undertow.evaluation.metrics.few_shot import FewShotScore, few_shot_co_smoothing
from undertow.evaluation.metrics.labels import LabelScore, label_accuracy
from undertow.evaluation.metrics.likelihood import (
    bits_per_spike,
    co_smoothing_bps,
    forward_bps,
    negative_log_likelihood,
)
from undertow.evaluation.metrics.predictive import pit_bars, predictive_pit
from undertow.evaluation.metrics.psth import psth, psth_r2
from undertow.evaluation.metrics.rates import rate_r2
from undertow.evaluation.metrics.timing import produced_time_correlation
from undertow.evaluation.metrics.velocity import (
    VelocityDecoder,
    fit_log_rate_decoder,
    fit_velocity_decoder,
    log_rate_velocity_r2,
    velocity_r2,
)

__all__ = [
    "FewShotScore",
    "LabelScore",
    "VelocityDecoder",
    "bits_per_spike",
    "co_smoothing_bps",
    "few_shot_co_smoothing",
    "fit_log_rate_decoder",
    "fit_velocity_decoder",
    "forward_bps",
    "label_accuracy",
    "log_rate_velocity_r2",
    "negative_log_likelihood",
    "pit_bars",
    "predictive_pit",
    "produced_time_correlation",
    "psth",
    "psth_r2",
    "rate_r2",
    "velocity_r2",
]
