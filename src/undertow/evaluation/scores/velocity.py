"""Velocity decoding from predictions: decoders fitted on the training trials' rates."""

from collections.abc import Iterator
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation.metrics.arrays import ZERO_RATE
from undertow.evaluation.metrics.velocity import (
    VelocityDecoder,
    fit_log_rate_decoder,
    fit_velocity_decoder,
)
from undertow.evaluation.scores.sums import RSquared
from undertow.evaluation.scores.trials import about, window, window_counts


@dataclass(frozen=True)
class LogRates:
    """How velocity is decoded from log rates.

    Attributes:
        lag_s: by how much velocity follows rates, in seconds; the nearest whole number of bins is
            used.
        floor_hz: smaller rates are raised to it before the logarithm, spikes/s; 0 for 1e-9 spikes
            per bin.
    """

    lag_s: float = 0.1
    floor_hz: float = 0.0

    def bins(self, trials: TrialSet) -> int:
        """The lag in bins."""
        return round(self.lag_s / trials.bin_s)

    def fit(self, train: Prediction) -> VelocityDecoder:
        """The decoder of these training trials."""
        # spikes/s to spikes per bin, and never 0, whose logarithm is infinite
        floor = max(self.floor_hz * train.trials.bin_s, ZERO_RATE)
        return fit_log_rate_decoder(
            train.rates[:, window(train.trials)],
            _velocity(train.trials),
            self.bins(train.trials),
            floor,
            train.trials.bin_s,
        )


LOG_RATES = LogRates()
_DECODERS: WeakKeyDictionary[Prediction, dict[LogRates | None, VelocityDecoder]] = (
    WeakKeyDictionary()
)


def velocity_channels(trials: TrialSet) -> list[int]:
    """Indices of the continuous behaviour channels whose name contains 'vel'."""
    if trials.behavior is None or trials.behavior_kind != "continuous":
        return []
    return [k for k, name in enumerate(trials.behavior_names) if "vel" in name.lower()]


def decode_velocity(
    prediction: Prediction, train: Prediction, log_rates: LogRates | None = LOG_RATES
) -> np.ndarray:
    """Velocity, (trials, time, channels), decoded by a decoder fitted on the training trials.

    Channels are those of `velocity_channels`, in their unit. NaN in forward bins and in the first
    bins of the lag.

    Args:
        prediction: for the trials to decode.
        train: of the same model, for the trials to fit the decoder on.
        log_rates: the log-rate decoder, with these options; None for the benchmark's, without
            logarithm and lag.

    Raises:
        DataError: when the training trials have no velocity, or as `fit_log_rate_decoder`.
    """
    if not velocity_channels(train.trials):
        raise DataError("the training trials have no behaviour channel with 'vel' in its name.")
    decoder = velocity_decoder(train, log_rates)
    decoded = np.full((*prediction.rates.shape[:2], len(decoder.offset)), np.nan)
    decoded[:, window(prediction.trials)] = decoder.predict(window_counts(prediction))
    return decoded


def velocity_decoder(train: Prediction, log_rates: LogRates | None) -> VelocityDecoder:
    """The decoder of these training trials, fitted once for each prediction and kind.

    Scores and figures ask for the same one, and on a large recording a fit takes long.
    """
    known = _DECODERS.setdefault(train, {})
    if log_rates not in known:
        known[log_rates] = (
            log_rates.fit(train)
            if log_rates
            else fit_velocity_decoder(
                train.rates[:, window(train.trials)], _velocity(train.trials), train.trials.bin_s
            )
        )
    return known[log_rates]


def without_rates(train: Prediction) -> Prediction:
    """A prediction for training trials with NaN for its rates, which take no memory.

    The decoders fitted on it so far stay known; that is all that is left to do with its rates.
    """
    unknown = np.broadcast_to(np.float32(np.nan), train.trials.shape)
    slim = Prediction(rates=unknown, trials=train.trials)
    _DECODERS[slim] = dict(_DECODERS.get(train, {}))
    return slim


def velocity_statistics(
    prediction: Prediction, train: Prediction, log_rates: LogRates
) -> Iterator[RSquared]:
    """The statistics of 'velocity R2' and 'velocity R2 log-rate'.

    Each needs a velocity to decode in both trial sets.
    """
    both = (prediction.trials, train.trials)
    if all(_decodable(trials, 0) for trials in both):
        yield _statistic(prediction, train, None, "velocity R2", "ridge on rates, no lag")
    if all(_decodable(trials, log_rates.bins(trials)) for trials in both):
        lag_ms = 1e3 * log_rates.bins(train.trials) * train.trials.bin_s
        note = f"ridge on log rates, velocity {lag_ms:g} ms later"
        yield _statistic(prediction, train, log_rates, "velocity R2 log-rate", note)


def _statistic(
    prediction: Prediction, train: Prediction, log_rates: LogRates | None, name: str, note: str
) -> RSquared:
    trials = prediction.trials
    velocity = _velocity(trials)
    # the benchmark's rule: the first channel says which bins have a velocity
    target = np.where(np.isnan(velocity[..., :1]), np.nan, velocity)
    # no rate of the window lies `lag` before these bins, so nothing is decoded there
    target[:, : log_rates.bins(trials) if log_rates else 0] = np.nan
    decoded = decode_velocity(prediction, train, log_rates)[:, window(trials)]
    if np.isnan(decoded[~np.isnan(target[..., 0])]).any():
        raise DataError("rates holds NaN in bins whose velocity is known: a rate is needed there.")
    return RSquared.from_targets(decoded, target, **about(trials, name, "R²", note))


def _velocity(trials: TrialSet) -> np.ndarray:
    """Velocity in the window, (trials, window, channels)."""
    assert trials.behavior is not None
    return trials.behavior[:, window(trials)][..., velocity_channels(trials)].astype(np.float64)


def _decodable(trials: TrialSet, lag: int) -> bool:
    """Whether five bins or more have a velocity `lag` bins into the window.

    Where times are irregular, a lag in bins means nothing, so none has.
    """
    if lag and trials.times is not None:
        return False
    return bool(velocity_channels(trials)) and np.isfinite(_velocity(trials)[:, lag:, 0]).sum() >= 5
