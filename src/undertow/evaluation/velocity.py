"""Velocity decoding from predictions: decoders fitted on the training trials' rates."""

from collections.abc import Iterator

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation.decoding import VelocityDecoder, fit_log_rate_decoder, fit_velocity_decoder
from undertow.evaluation.sums import RSquared

LAG_S = 0.1


def velocity_channels(trials: TrialSet) -> list[int]:
    """Indices of the continuous behaviour channels whose name contains 'vel'."""
    if trials.behavior is None or trials.behavior_kind != "continuous":
        return []
    return [k for k, name in enumerate(trials.behavior_names) if "vel" in name.lower()]


def lag_bins(trials: TrialSet, lag_s: float = LAG_S) -> int:
    """The whole number of bins nearest to a lag in seconds."""
    return round(lag_s / trials.bin_s)


def decode_velocity(
    prediction: Prediction, train: Prediction, log_rates: bool = True, lag_s: float = LAG_S
) -> np.ndarray:
    """Velocity decoded from rates by a decoder fitted on the training trials, (trials, time, channels).

    Channels are those of `velocity_channels`, in their unit. NaN in forward bins and, with `log_rates`, in
    the first bins of the lag.

    Args:
        prediction: for the trials to decode.
        train: of the same model for the trials to fit the decoder on.
        log_rates: the log-rate decoder with `lag_s`; otherwise the benchmark's, without lag.

    Raises:
        DataError: when the training trials have no velocity, or as `fit_log_rate_decoder`.
    """
    decoder = _fit(train, log_rates, lag_s)
    decoded = np.full((*prediction.rates.shape[:2], len(decoder.offset)), np.nan)
    window = _window(prediction.trials)
    decoded[:, window] = decoder.predict(prediction.counts[:, window])
    return decoded


def velocity_statistics(
    prediction: Prediction, train: Prediction, lag_s: float = LAG_S
) -> Iterator[RSquared]:
    """'velocity R2' and 'velocity R2 log-rate', where both trial sets have a velocity to decode."""
    if not _decodable(train.trials, 0) or not _decodable(prediction.trials, 0):
        return
    lag = lag_bins(train.trials, lag_s)
    yield _statistic(
        prediction, train, "velocity R2", log_rates=False, lag_s=0.0, note="ridge on rates, no lag"
    )
    if _decodable(train.trials, lag) and _decodable(prediction.trials, lag):
        note = f"ridge on log rates, velocity {1e3 * lag * train.trials.bin_s:g} ms later"
        yield _statistic(prediction, train, "velocity R2 log-rate", log_rates=True, lag_s=lag_s, note=note)


def _statistic(
    prediction: Prediction, train: Prediction, name: str, log_rates: bool, lag_s: float, note: str
) -> RSquared:
    trials = prediction.trials
    velocity = _velocity(trials)
    target = np.where(np.isnan(velocity[..., :1]), np.nan, velocity)
    target[:, : lag_bins(trials, lag_s)] = np.nan
    decoded = decode_velocity(prediction, train, log_rates, lag_s)[:, _window(trials)]
    if np.isnan(decoded[~np.isnan(target[..., 0])]).any():
        raise DataError("rates holds NaN in bins whose velocity is known: a rate is needed there.")
    return RSquared.from_targets(
        decoded,
        target,
        name=name,
        unit="R²",
        trial_ids=trials.trial_ids,
        condition=trials.condition,
        bin_s=trials.bin_s,
        n_neurons=trials.n_neurons,
        note=note,
    )


def _fit(train: Prediction, log_rates: bool, lag_s: float) -> VelocityDecoder:
    if not velocity_channels(train.trials):
        raise DataError(
            "the training trials have no behaviour channel with 'vel' in its name: nothing can be decoded."
        )
    rates, velocity = train.counts[:, _window(train.trials)], _velocity(train.trials)
    if log_rates:
        return fit_log_rate_decoder(rates, velocity, lag_bins(train.trials, lag_s))
    return fit_velocity_decoder(rates, velocity)


def _window(trials: TrialSet) -> slice:
    return slice(0, trials.n_time - trials.forward_bins)


def _velocity(trials: TrialSet) -> np.ndarray:
    """Velocity in the window, (trials, window, channels)."""
    assert trials.behavior is not None
    return trials.behavior[:, _window(trials)][..., velocity_channels(trials)].astype(np.float64)


def _decodable(trials: TrialSet, lag: int) -> bool:
    """Whether five bins or more have a velocity `lag` bins into the window."""
    return bool(velocity_channels(trials)) and np.isfinite(_velocity(trials)[:, lag:, 0]).sum() >= 5
