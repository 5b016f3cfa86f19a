"""Linear decoding of velocity from rates: the benchmark's decoder and the log-rate one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from undertow.checks import number, whole
from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import (
    ZERO_RATE,
    as_float,
    as_numbers,
    check_leading,
    row_blocks,
)
from undertow.evaluation.metrics.rates import average_r2
from undertow.evaluation.metrics.ridge import Ridge, Rows, ridge_by_folds, ridge_left_one_out

BENCHMARK_ALPHAS = np.logspace(-4, 0, 9)
LOG_RATE_ALPHAS = np.logspace(-4, 4, 9)


@dataclass(frozen=True, eq=False)
class VelocityDecoder:
    """A fitted linear map from the rates of one bin to the velocity `lag_bins` later.

    Attributes:
        weights: (neurons, channels).
        offset: (channels,).
        alpha: the ridge penalty chosen.
        lag_bins: rates at bin t give velocity at bin t + lag.
        log_floor: None for plain rates; otherwise their logarithm is taken, of smaller rates as of
            this one.
    """

    weights: np.ndarray
    offset: np.ndarray
    alpha: float
    lag_bins: int = 0
    log_floor: float | None = None

    def predict(self, rates: ArrayLike) -> np.ndarray:
        """Decoded velocity, (trials, time, channels).

        NaN in the first `lag_bins` bins and where rates are NaN.

        Args:
            rates: expected spikes **per bin**, (trials, time, neurons).

        Raises:
            DataError: when the number of neurons is not the one the decoder was fitted on, or a log
                rate is negative.
        """
        rates = as_numbers("rates", rates, 3)
        if rates.shape[2] != len(self.weights):
            raise DataError(
                f"rates has {rates.shape[2]} neurons: the decoder was fitted on "
                f"{len(self.weights)}."
            )
        decoded = np.full((*rates.shape[:2], len(self.offset)), np.nan)
        last = max(rates.shape[1] - self.lag_bins, 0)
        for part in row_blocks(rates):
            features = _features(rates[part, :last].astype(np.float64), self.log_floor)
            decoded[part, self.lag_bins :] = features @ self.weights + self.offset
        return decoded


def fit_velocity_decoder(
    train_rates: ArrayLike, train_velocity: ArrayLike, bin_s: float = 1.0
) -> VelocityDecoder:
    """Fit the benchmark's decoder: ridge regression on rates, without a lag.

    α is chosen from logspace(−4, 0, 9) by 5 unshuffled folds.

    Args:
        train_rates: expected spikes **per bin**, (trials, time, neurons), not logged.
        train_velocity: (trials, time, channels); rows with NaN in channel 0 are dropped. Its window
            already has the lag.
        bin_s: bin width in seconds of rates in spikes/s, which then become counts block by block.

    Raises:
        DataError: when shapes differ, a needed value is NaN, or fewer than 5 rows are left.
    """
    rows, n_rows = _streamed(train_rates, train_velocity, 0, None, bin_s)
    return _decoder(ridge_by_folds(rows, n_rows, BENCHMARK_ALPHAS))


def fit_log_rate_decoder(
    train_rates: ArrayLike,
    train_velocity: ArrayLike,
    lag_bins: int,
    floor: float = ZERO_RATE,
    bin_s: float = 1.0,
) -> VelocityDecoder:
    """Fit ridge regression on log rates: bin t gives velocity at t + `lag_bins`.

    α is chosen from logspace(−4, 4, 9) by leave-one-out.

    Args:
        train_rates: expected spikes **per bin**, (trials, time, neurons).
        train_velocity: (trials, time, channels) in the same bins; rows with NaN in channel 0 are
            dropped.
        lag_bins: bins by which velocity follows rates; the last `lag_bins` rate bins and the first
            `lag_bins` velocity bins of each trial are dropped.
        floor: smaller rates are raised to it before the logarithm, in spikes **per bin**. Rates
            that come near zero (smoothed spikes) decode better with 0.01 or more.
        bin_s: as in `fit_velocity_decoder`.

    Raises:
        DataError: when shapes differ, a needed value is NaN or negative, or fewer than 5 rows are
            left.
    """
    rows, _ = _streamed(train_rates, train_velocity, lag_bins, floor, bin_s)
    return _decoder(ridge_left_one_out(rows, LOG_RATE_ALPHAS), lag_bins, floor)


def _decoder(ridge: Ridge, lag_bins: int = 0, log_floor: float | None = None) -> VelocityDecoder:
    return VelocityDecoder(ridge.weights, ridge.offset, ridge.alpha, lag_bins, log_floor)


def velocity_r2(
    train_rates: ArrayLike,
    train_velocity: ArrayLike,
    eval_rates: ArrayLike,
    eval_velocity: ArrayLike,
    train_mask: ArrayLike | None = None,
    eval_mask: ArrayLike | None = None,
) -> float:
    """R² of velocity decoded from rates, as in the Neural Latents Benchmark.

    A decoder (`fit_velocity_decoder`) is fitted on the training trials and scored on the evaluation
    trials: uniform mean over channels of R². With masks one decoder is fitted and scored per mask
    (Area2_Bump: active, passive), and the scores are averaged.

    Args:
        train_rates, eval_rates: expected spikes **per bin**, (trials, time, neurons), held-in then
            held-out.
        train_velocity, eval_velocity: (trials, time, channels); rows with NaN in channel 0 are
            dropped.
        train_mask, eval_mask: booleans, (trials, masks); all trials in one group when not given.

    Raises:
        DataError: when shapes differ, only one mask is given, a group is empty, or a needed value
            is NaN.
    """
    parts = _groups(train_rates, eval_rates, train_mask, eval_mask)
    train_rates, train_velocity = np.asarray(train_rates), np.asarray(train_velocity)
    eval_rates, eval_velocity = np.asarray(eval_rates), np.asarray(eval_velocity)
    scores = [
        decoder_r2(
            fit_velocity_decoder(train_rates[fit], train_velocity[fit]),
            eval_rates[score],
            eval_velocity[score],
        )
        for fit, score in parts
    ]
    return float(np.mean(scores))


def log_rate_velocity_r2(
    train_rates: ArrayLike,
    train_velocity: ArrayLike,
    eval_rates: ArrayLike,
    eval_velocity: ArrayLike,
    lag_bins: int,
    floor: float = ZERO_RATE,
) -> float:
    """R² of velocity decoded from log rates, uniform mean over channels.

    See `fit_log_rate_decoder`.

    Args:
        train_rates, eval_rates: expected spikes **per bin**, (trials, time, neurons), all neurons.
        train_velocity, eval_velocity: (trials, time, channels), in the same bins.
        lag_bins: bins by which velocity follows rates; 100 ms are 5 bins of 20 ms.
        floor: as in `fit_log_rate_decoder`.

    Raises:
        DataError: as `fit_log_rate_decoder`.
    """
    decoder = fit_log_rate_decoder(train_rates, train_velocity, lag_bins, floor)
    return decoder_r2(decoder, eval_rates, eval_velocity)


def decoder_r2(decoder: VelocityDecoder, rates: ArrayLike, velocity: ArrayLike) -> float:
    """R² of a fitted decoder, uniform mean over channels.

    Only bins with a known velocity (channel 0) count.

    Raises:
        DataError: when shapes differ or a needed value is NaN.
    """
    rows, _ = _streamed(rates, velocity, decoder.lag_bins, decoder.log_floor)
    residual, target = [], []
    if (channels := np.shape(velocity)[2]) != len(decoder.offset):
        raise DataError(
            f"velocity has {channels} channel(s) where the decoder was fitted on "
            f"{len(decoder.offset)}: give the same ones."
        )
    for x, y in rows():
        residual.append(y - x @ decoder.weights - decoder.offset)
        target.append(y)
    y = np.concatenate(target)
    total = np.sum((y - y.mean(axis=0)) ** 2, axis=0)
    return float(average_r2(np.sum(np.concatenate(residual) ** 2, axis=0), total))


def _streamed(
    rates: ArrayLike,
    velocity: ArrayLike,
    lag_bins: int,
    log_floor: float | None,
    bin_s: float = 1.0,
) -> tuple[Rows, int]:
    """Blocks of feature rows (rows, neurons) and target rows (rows, channels), and their number.

    They are of the bins whose velocity is known.
    """
    rates, velocity = as_numbers("rates", rates, 3), as_float("velocity", velocity, 3)
    check_leading(2, rates=rates, velocity=velocity)
    whole("lag_bins", lag_bins, 0, rates.shape[1] - 1, error=DataError)
    if log_floor is not None:
        number("floor", log_floor, 0.0, above=True, unit="spikes per bin", error=DataError)
    # the benchmark's rule: the first channel says which bins have a velocity
    n_rows = int((~np.isnan(velocity[:, lag_bins:, 0])).sum())
    if n_rows < 5:
        raise DataError(f"velocity is known in {n_rows} bins: decoding needs 5 or more.")

    def rows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for part in row_blocks(rates):
            block = _block(rates[part] * bin_s, velocity[part], lag_bins, log_floor)
            if len(block[0]):
                yield block

    return rows, n_rows


def _block(
    rates: np.ndarray, velocity: np.ndarray, lag_bins: int, log_floor: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """The rows of some trials."""
    # the lag is cut within each trial, so that no rate meets the velocity of another trial
    early, y = rates[:, : rates.shape[1] - lag_bins], velocity[:, lag_bins:]
    known = ~np.isnan(y[..., 0])
    x, y = _features(early[known].astype(np.float64), log_floor), y[known]
    for name, array in (("rates", x), ("velocity", y)):
        if not np.isfinite(array).all():
            raise DataError(
                f"{name} holds NaN or infinite values in bins whose velocity (channel 0) is known."
            )
    return x, y


def _features(rates: np.ndarray, log_floor: float | None) -> np.ndarray:
    if log_floor is None:
        return rates
    if (rates < 0).any():
        raise DataError(
            f"rates holds {int((rates < 0).sum())} negative values: their logarithm is needed."
        )
    return np.log(np.maximum(rates, log_floor))


def _groups(
    train_rates: ArrayLike,
    eval_rates: ArrayLike,
    train_mask: ArrayLike | None,
    eval_mask: ArrayLike | None,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per decoder, the training and the evaluation trials as booleans."""
    if (train_mask is None) != (eval_mask is None):
        raise DataError("only one of train_mask and eval_mask is given: give both or neither.")
    masks = []
    for name, mask, rates in (
        ("train_mask", train_mask, train_rates),
        ("eval_mask", eval_mask, eval_rates),
    ):
        n_trials = len(np.asarray(rates))
        array = np.ones((n_trials, 1), bool) if mask is None else np.asarray(mask, dtype=bool)
        if array.ndim != 2 or len(array) != n_trials or not array.any(axis=0).all():
            raise DataError(
                f"{name} has shape {array.shape}: it must be ({n_trials}, masks), a trial in every "
                "mask."
            )
        masks.append(array.T)
    if len(masks[0]) != len(masks[1]):
        raise DataError(
            f"train_mask has {len(masks[0])} masks and eval_mask {len(masks[1])}: they must be "
            "equal."
        )
    return list(zip(*masks, strict=True))
