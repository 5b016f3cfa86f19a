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
from undertow.evaluation.scores.floor import chosen_floor
from undertow.evaluation.scores.sums import RSquared
from undertow.evaluation.scores.trials import about, window, window_counts
from undertow.names import listed

FLOOR, LEAST_BINS = "floor_hz", 5


@dataclass(frozen=True)
class LogRates:
    """How velocity is decoded from log rates.

    Attributes:
        lag_s: by how much velocity follows rates, in seconds; the nearest whole number of bins is
            used.
        floor_hz: smaller rates are raised to it before the logarithm, spikes/s; 0 for 1e-9 spikes
            per bin. By default it is chosen in the training trials, see `chosen_floor`, for every
            model by the same rule: a model whose rates come near zero would otherwise be judged by
            the logarithm of next to nothing.
    """

    lag_s: float = 0.1
    floor_hz: float | None = None

    def bins(self, trials: TrialSet) -> int:
        """The lag in bins."""
        return round(self.lag_s / trials.bin_s)

    def floor(self, train: Prediction) -> float:
        """The floor in spikes/s: as given, else as chosen in these training trials."""
        if self.floor_hz is not None:
            return self.floor_hz
        trials = train.trials
        rates, velocity = train.rates[:, window(trials)], _velocity(trials)
        return chosen_floor(rates, velocity, self.bins(trials), trials.bin_s, per_second=True)

    def fit(self, train: Prediction) -> VelocityDecoder:
        """The decoder of these training trials."""
        # spikes/s to spikes per bin, and never 0, whose logarithm is infinite
        floor = max(self.floor(train) * train.trials.bin_s, ZERO_RATE)
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
    decoder, names = velocity_decoder(train, log_rates), velocity_channels(train.trials)
    decoded = np.full((*prediction.rates.shape[:2], len(names)), np.nan)
    # a channel that is known in no bin has no decoder, and stays NaN
    learned = np.isin(names, _known_channels(train.trials))
    decoded[:, window(prediction.trials), learned] = decoder.predict(window_counts(prediction))
    return decoded


def velocity_decoder(train: Prediction, log_rates: LogRates | None) -> VelocityDecoder:
    """The decoder of these training trials, fitted once for each prediction and kind.

    Scores and figures ask for the same one, and on a large recording a fit takes long.
    """
    known = _DECODERS.setdefault(train, {})
    if log_rates not in known:
        if log_rates is None:
            rates = train.rates[:, window(train.trials)]
            known[None] = fit_velocity_decoder(rates, _velocity(train.trials), train.trials.bin_s)
        else:
            known[log_rates] = log_rates.fit(train)
    return known[log_rates]


def _floor_hz(train: Prediction, log_rates: LogRates) -> float:
    """The floor that the decoder of these training trials was fitted with, in spikes/s."""
    floor = (velocity_decoder(train, log_rates).log_floor or 0.0) / train.trials.bin_s
    return 0.0 if log_rates.floor_hz == 0 else floor


def decoders_alone(train: Prediction) -> Prediction:
    """A prediction for training trials as `without_rates`, once its decoders are fitted."""
    for log_rates in (None, LOG_RATES):
        if decodable(train.trials, log_rates.bins(train.trials) if log_rates else 0):
            velocity_decoder(train, log_rates)
    return without_rates(train)


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

    Each needs a velocity to decode in both trial sets. The second carries the floor of its rates,
    in spikes/s, as the fact 'floor_hz'.
    """
    both = (prediction.trials, train.trials)
    if all(decodable(trials, 0) for trials in both):
        yield _statistic(prediction, train, None, "velocity R2", "ridge on rates, no lag")
    if all(decodable(trials, log_rates.bins(trials)) for trials in both):
        lag_ms = 1e3 * log_rates.bins(train.trials) * train.trials.bin_s
        how = "" if log_rates.floor_hz is not None else ", chosen in the training trials"
        note = (
            f"ridge on the log of rates raised to {{{FLOOR}}} spikes/s{how}; velocity {lag_ms:g} "
            "ms later"
        )
        yield _statistic(prediction, train, log_rates, "velocity R2 log-rate", note)


def _statistic(
    prediction: Prediction, train: Prediction, log_rates: LogRates | None, name: str, note: str
) -> RSquared:
    trials = prediction.trials
    both = [k for k in _known_channels(trials) if k in _known_channels(train.trials)]
    target = complete_velocity(trials, both)
    # no rate of the window lies `lag` before these bins, so nothing is decoded there
    target[:, : log_rates.bins(trials) if log_rates else 0] = np.nan
    shown = np.isin(velocity_channels(train.trials), both)
    decoded = decode_velocity(prediction, train, log_rates)[:, window(trials)][..., shown]
    if np.isnan(decoded[~np.isnan(target[..., 0])]).any():
        raise DataError("rates holds NaN in bins whose velocity is known: a rate is needed there.")
    facts = {FLOOR: _floor_hz(train, log_rates)} if log_rates else {}
    left_out = [trials.behavior_names[k] for k in velocity_channels(trials) if k not in both]
    note += f"; without {listed(left_out)}, known in no bin" if left_out else ""
    return RSquared.from_targets(decoded, target, facts=facts, **about(trials, name, "R²", note))


def _velocity(trials: TrialSet) -> np.ndarray:
    """Velocity in the window, (trials, window, channels), of the channels known in some bin.

    NaN in all of a bin's channels where one is missing: decoders learn all channels from one set
    of bins.
    """
    return complete_velocity(trials, _known_channels(trials))


def complete_velocity(trials: TrialSet, channels: list[int]) -> np.ndarray:
    """These channels in the window, NaN in every channel where one is missing."""
    assert trials.behavior is not None
    values = trials.behavior[:, window(trials)][..., channels].astype(np.float64)
    return np.where(np.isfinite(values).all(axis=-1, keepdims=True), values, np.nan)


def _known_channels(trials: TrialSet) -> list[int]:
    """Velocity channels that are known in some bin of the window."""
    assert trials.behavior is not None
    known = np.isfinite(trials.behavior[:, window(trials)]).any(axis=(0, 1))
    return [k for k in velocity_channels(trials) if known[k]]


def decodable(trials: TrialSet, lag: int) -> bool:
    """Whether five bins or more have a velocity `lag` bins into the window.

    Where times are irregular, a lag in bins means nothing, so none has.
    """
    if (lag and trials.times is not None) or not velocity_channels(trials):
        return False
    velocity = _velocity(trials)[:, lag:]
    return velocity.shape[2] > 0 and np.isfinite(velocity[..., 0]).sum() >= LEAST_BINS
