"""Velocity decoded from latents by a decoder of other trials, such as those of another session."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undertow import checks
from undertow.data import Prediction
from undertow.errors import DataError
from undertow.evaluation.metrics.velocity import VelocityDecoder, fit_velocity_decoder
from undertow.evaluation.scores.sums import RSquared
from undertow.evaluation.scores.trials import about, window
from undertow.evaluation.scores.velocity import LOG_RATES, complete_velocity, velocity_channels

TRANSFERRED = "velocity R2 transferred"


def transfer_statistic(
    test: Prediction,
    train: Prediction,
    lag_s: float = LOG_RATES.lag_s,
    latents: Sequence[str] | None = None,
) -> RSquared:
    """The statistic of 'velocity R2 transferred': how well a decoder of other trials does here.

    A ridge regression on the latents of the training trials is applied to the latents of the test
    trials, which may be of another session of a joint model: where latents mean the same in both,
    it decodes as well as a decoder of the session's own.

    Args:
        test: for the trials that are decoded.
        train: for the trials that the decoder is fitted on.
        lag_s: by how much velocity follows latents, in seconds.
        latents: names of those that are read; by default the first that both predictions have,
            such as LangevinFlow's positions 'z' or LFADS's factors.

    Raises:
        DataError: where there are no latents in common, or of other dimensions; where bins, or the
            channels with 'vel' in their name, differ; or too little velocity is known.
    """
    checks.number("lag_s", lag_s, 0.0, 1e3, error=DataError, unit="s")
    names = _names(test, train, latents)
    if abs(test.trials.bin_s - train.trials.bin_s) > 1e-9:
        raise DataError(
            f"trials have bins of {train.trials.bin_s:g} s and {test.trials.bin_s:g} s: rebin one."
        )
    channels = [velocity_channels(each.trials) for each in (train, test)]
    given = [
        [each.trials.behavior_names[k] for k in own]
        for each, own in zip((train, test), channels, strict=True)
    ]
    if not given[0] or given[0] != given[1]:
        raise DataError(
            "a decoder of velocity transfers between trials with the same behaviour channels with "
            f"'vel' in their name: here are {given[0]} and {given[1]}."
        )
    lag = round(lag_s / train.trials.bin_s)
    x, y = _features(train, names), complete_velocity(train.trials, channels[0])
    flat = x[np.isfinite(x).all(-1)]
    scale = np.maximum(flat.std(0), 1e-12)  # latents of other sizes are penalised alike
    decoder = fit_velocity_decoder(x[:, : x.shape[1] - lag] / scale, y[:, lag:])
    decoder = replace(decoder, weights=decoder.weights / scale[:, None], lag_bins=lag)
    return _statistic(decoder, test, names, channels[1], lag)


def _names(test: Prediction, train: Prediction, latents: Sequence[str] | None) -> list[str]:
    both = [name for name in train.latents if name in test.latents]
    chosen = both[:1] if latents is None else list(latents)
    if not chosen or not set(chosen) <= set(both):
        raise DataError(
            f"the latents that both predictions have are {', '.join(both) or 'none'}: name some of "
            "these."
        )
    for name in chosen:
        dims = train.latents[name].shape[2], test.latents[name].shape[2]
        if dims[0] != dims[1]:
            raise DataError(
                f"{name} has {dims[0]} and {dims[1]} dimensions: give predictions of one model's "
                "sessions."
            )
    return chosen


def _features(prediction: Prediction, names: Sequence[str]) -> np.ndarray:
    bins = window(prediction.trials)
    return np.concatenate([prediction.latents[name][:, bins] for name in names], -1)


def _statistic(
    decoder: VelocityDecoder,
    test: Prediction,
    names: Sequence[str],
    channels: list[int],
    lag: int,
) -> RSquared:
    target = complete_velocity(test.trials, channels)
    target[:, :lag] = np.nan
    note = f"ridge on {', '.join(names)}; velocity {1e3 * lag * test.trials.bin_s:g} ms later"
    decoded = decoder.predict(_features(test, names))
    return RSquared.from_targets(decoded, target, **about(test.trials, TRANSFERRED, "R²", note))
