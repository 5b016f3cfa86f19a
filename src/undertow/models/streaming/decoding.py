"""`BehaviorDecoder`: behaviour from the rates of a stream, by ridge regression."""

import numpy as np

from undertow import checks
from undertow.data import Prediction, TrialSet
from undertow.errors import ModelError
from undertow.evaluation.metrics.arrays import ZERO_RATE
from undertow.evaluation.metrics.velocity import VelocityDecoder, fit_log_rate_decoder
from undertow.evaluation.scores.floor import chosen_floor
from undertow.evaluation.scores.trials import window

LONGEST_LAG_S = 1e3


def decoded_channels(trials: TrialSet) -> list[int]:
    """Channels that are decoded: velocities where there are any, else all of continuous behaviour.

    Raises:
        ModelError: for trials without continuous behaviour.
    """
    if trials.behavior is None or trials.behavior_kind != "continuous":
        raise ModelError(
            "behaviour cannot be decoded: the trials given hold no continuous behaviour."
        )
    names = [name.lower() for name in trials.behavior_names]
    return [k for k, name in enumerate(names) if "vel" in name] or list(range(len(names)))


class BehaviorDecoder:
    """Behaviour of a bin from the log rates `lag_s` before, the same map in every bin.

    For velocities it is the decoder of `decode_velocity`.

    Args:
        train: of the model that is streamed, for the trials to learn from.
        lag_s: by how much behaviour follows rates, in seconds.

    Attributes:
        names: of the channels.
        values: decoded, (channels,), overwritten by each step; NaN in the first bins of the lag.

    Raises:
        ModelError: for trials without continuous behaviour, or a lag that is none.
        DataError: for channels that are missing in different bins, or too few bins.
    """

    def __init__(self, train: Prediction, lag_s: float) -> None:
        trials = train.trials
        checks.number("lag_s", lag_s, 0, LONGEST_LAG_S, unit="seconds")
        channels, lag = decoded_channels(trials), round(lag_s / trials.bin_s)
        part = window(trials)
        assert trials.behavior is not None
        rates, behavior = train.rates[:, part], trials.behavior[:, part][..., channels]
        floor_hz = chosen_floor(rates, behavior, lag, trials.bin_s, per_second=True)
        floor = max(floor_hz * trials.bin_s, ZERO_RATE)
        self._of(fit_log_rate_decoder(rates, behavior, lag, floor, trials.bin_s), trials.bin_s)
        self.names = tuple(trials.behavior_names[k] for k in channels)

    def _of(self, decoder: VelocityDecoder, bin_s: float) -> None:
        assert decoder.log_floor is not None
        self._decoder, self._floor, self._bin_s = decoder, decoder.log_floor, bin_s
        neurons, channels = decoder.weights.shape
        self._log_rates = np.zeros(neurons)
        self._ring = np.full((decoder.lag_bins + 1, channels), np.nan)
        self._place = np.zeros(1, np.int64)
        self.values = np.full(channels, np.nan)

    def reset(self) -> None:
        """Forget the bins of the lag."""
        self._ring[...], self._place[0], self.values[...] = np.nan, 0, np.nan

    def step(self, rates: np.ndarray) -> None:
        """Decode, from the rates of this bin, behaviour a lag later; take up that of this bin."""
        np.multiply(rates, self._bin_s, out=self._log_rates)
        np.maximum(self._log_rates, self._floor, out=self._log_rates)
        np.log(self._log_rates, out=self._log_rates)
        size, place = len(self._ring), int(self._place[0])
        row = self._ring[place]
        np.dot(self._log_rates, self._decoder.weights, out=row)
        np.add(row, self._decoder.offset, out=row)
        self._place[0] = place = (place + 1) % size
        np.copyto(self.values, self._ring[place])

    def state(self) -> dict[str, np.ndarray]:
        """The arrays that the next bins depend on."""
        return {"decoder.ring": self._ring, "decoder.place": self._place}
