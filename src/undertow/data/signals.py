"""Continuous signals: channel names, and values in bins."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data.binning import TIME_TOLERANCE_S
from undertow.data.tables import as_names
from undertow.data.validation import as_array
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import listed, shown

SAME_INTERVAL = 1e-6
"""Sample intervals that differ from the bin by less, relative to it, are as long as it."""
NARROWEST = 1e-6
"""Below this share of half a bin there is nothing to average over: the value at the centre is
taken."""


def channel_names(name: str, n_channels: int) -> list[str]:
    """Names of the channels of a signal.

    One channel keeps the signal's name; two or three become name_x, name_y(, name_z); more become
    name_0, name_1, …
    """
    if n_channels == 1:
        return [name]
    axes = "xyz" if n_channels in (2, 3) else range(n_channels)
    return [f"{name}_{axis}" for axis, _ in zip(axes, range(n_channels), strict=False)]


def as_signals(signals: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Check signals: a mapping of names to timestamps and values, or to objects that hold both."""
    if not isinstance(signals, Mapping):
        raise DataError(f"signals is {shown(signals)}: it must map names to (timestamps, values).")
    checked = {}
    for name, pair in signals.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise DataError(
                f"signal {shown(name)} is {shown(pair)}: it must be (timestamps, values)."
            )
        checked[str(name)] = as_signal(name, *pair)
    return checked


def as_signal(name: str, timestamps: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Check one signal: values (samples, channels) at increasing times (samples,) in seconds."""
    times, data = (
        _numbers(f"{what} of signal {shown(name)}", each)
        for what, each in (("timestamps", timestamps), ("values", values))
    )
    data = data[:, None] if data.ndim == 1 else data
    if times.ndim != 1 or data.ndim != 2 or len(times) != len(data) or times.size == 0:
        raise DataError(
            f"signal {name!r} has timestamps {times.shape} and values {data.shape}: they must be "
            "(samples,) and (samples, channels), with at least one sample."
        )
    if not (np.diff(times) > 0).all():
        raise DataError(
            f"signal {name!r} has timestamps that do not increase: sort them and remove doubles."
        )
    return times, data


def _numbers(what: str, values: Any) -> np.ndarray:
    array = as_array(what, values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{what} have dtype {array.dtype}: they must be numbers.")
    check_memory(8.0 * array.size, f"{what} of shape {array.shape}", "give fewer samples.")
    return array.astype(float)


def sample_signal(
    timestamps: np.ndarray, values: np.ndarray, times_s: np.ndarray, bin_s: float
) -> np.ndarray:
    """Values of a signal in bins of `bin_s` centred at `times_s`, its shape + (channels,).

    Between samples the signal is the straight line that joins them.

    A signal sampled faster than the bins (usual sample interval below `bin_s`) is averaged over
    each bin, by time: what is too fast for the bins cancels instead of showing up as something
    slow. A slower one is interpolated at the bin's centre. Straight lines come out exactly in both.

    NaN where the centre lies before the first or after the last sample, beside a sample that is
    NaN, or in a gap longer than two bins and five usual sample intervals. Where such a place begins
    inside a bin, the average is over as much on either side of the centre as there is on the
    shorter one.
    """
    centres = np.ravel(times_s)
    intervals = np.diff(timestamps)
    usual_s = float(np.median(intervals)) if intervals.size else np.inf
    half_s = bin_s / 2 if usual_s < bin_s * (1 - SAME_INTERVAL) else 0.0
    near = intervals <= max(2 * bin_s, 5 * usual_s)
    columns = [_channel_means(timestamps, channel, near, centres, half_s) for channel in values.T]
    return np.stack(columns, axis=-1).reshape(*np.shape(times_s), values.shape[1])


def _channel_means(
    timestamps: np.ndarray,
    channel: np.ndarray,
    near: np.ndarray,
    centres: np.ndarray,
    half_s: float,
) -> np.ndarray:
    """Means of one channel over centre ± `half_s`, or over less where the line ends.

    The line joins the samples of the channel.

    Args:
        timestamps, channel: (samples,).
        near: True where a sample and the next are near enough to join, (samples − 1,).
        centres: in seconds, any order.
        half_s: half the width to average over; 0 to interpolate.
    """
    finite = np.isfinite(channel)
    level = channel[finite].mean() if finite.any() else 0.0  # taken out: sums over hours stay small
    heights = np.where(finite, channel - level, 0.0)
    joined = near & finite[:-1] & finite[1:]
    room = _room(timestamps, finite, joined, centres)
    # beside a gap the average narrows on both sides, so that straight lines still come out exactly
    half = np.minimum(np.nan_to_num(room), half_s)
    means = np.interp(centres, timestamps, heights)
    wide = half > NARROWEST * half_s
    # averages are differences of one running integral: trapezoids, exact for the joined line
    areas = np.where(joined, np.diff(timestamps) * (heights[1:] + heights[:-1]) / 2, 0.0)
    until = np.append(0.0, np.cumsum(areas))
    low, high = (_area(timestamps, heights, until, centres[wide] + s * half[wide]) for s in (-1, 1))
    means[wide] = (high - low) / (2 * half[wide])
    return np.where(np.isnan(room), np.nan, means + level)


def _room(
    timestamps: np.ndarray, finite: np.ndarray, joined: np.ndarray, centres: np.ndarray
) -> np.ndarray:
    """Seconds from each centre to the nearer end of the unbroken stretch it lies in.

    NaN outside all stretches.
    """
    breaks = np.flatnonzero(~joined)
    first, last = np.append(0, breaks + 1), np.append(breaks, timestamps.size - 1)
    starts, stops = timestamps[first], timestamps[last]  # a lone sample is a stretch of its own
    stretch = np.maximum(np.searchsorted(starts, centres + TIME_TOLERANCE_S, side="right") - 1, 0)
    room = np.minimum(centres - starts[stretch], stops[stretch] - centres)
    return np.where((room >= -TIME_TOLERANCE_S) & finite[first[stretch]], room, np.nan)


def _area(
    timestamps: np.ndarray, heights: np.ndarray, until: np.ndarray, times_s: np.ndarray
) -> np.ndarray:
    """The integral of the line from the first sample to each of `times_s`.

    `until` holds the integral up to each sample.
    """
    left = np.clip(np.searchsorted(timestamps, times_s, side="right") - 1, 0, timestamps.size - 2)
    part = times_s - timestamps[left]
    slope = (heights[left + 1] - heights[left]) / (timestamps[left + 1] - timestamps[left])
    return np.asarray(until[left] + part * (heights[left] + slope * part / 2))


def sampled_fields(
    signals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    columns: Mapping[str, np.ndarray],
    behavior: str | Sequence[str] | None,
    stimulus: str | Sequence[str] | None,
    edges: np.ndarray,
    bin_s: float,
) -> dict[str, Any]:
    """Behaviour and stimulus of trials whose bins have these edges, as fields of a `TrialSet`.

    Args:
        signals: of the recording, name → timestamps and values.
        columns: of the trials, name → (trials,).
        behavior, stimulus: names wanted.
        edges: (trials, time + 1) in seconds.
        bin_s: bin width in seconds.

    Raises:
        DataError: for a name that is neither a signal nor, of stimuli, a column of numbers.
    """
    centres_s = (edges[:, 1:] + edges[:, :-1]) / 2
    names, values = sample_signals(signals, as_names(behavior), centres_s, bin_s)
    input_names, inputs = sample_stimuli(signals, columns, as_names(stimulus), centres_s, bin_s)
    return {
        "behavior": values,
        "behavior_names": names,
        "stimulus": inputs,
        "stimulus_names": input_names,
    }


def sample_signals(
    signals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    wanted: tuple[str, ...],
    times_s: np.ndarray,
    bin_s: float,
) -> tuple[list[str], np.ndarray | None]:
    """Channel names and values (trials, time, channels) of the signals wanted.

    The values are None where no signal is wanted.
    """
    names: list[str] = []
    sampled: list[np.ndarray] = []
    for name in wanted:
        if name not in signals:
            raise DataError(
                f"the recording has no signal {shown(name)}: there is {listed(signals)}."
            )
        timestamps, values = signals[name]
        names += channel_names(name, values.shape[1])
        sampled.append(sample_signal(timestamps, values, times_s, bin_s))
    return names, np.concatenate(sampled, axis=2) if sampled else None


def sample_stimuli(
    signals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    columns: Mapping[str, np.ndarray],
    wanted: tuple[str, ...],
    times_s: np.ndarray,
    bin_s: float,
) -> tuple[list[str], np.ndarray | None]:
    """Channel names and values of external input, as in `sample_signals`.

    A name that is no signal but a trial column (trials,) is constant over each trial.
    """
    names: list[str] = []
    parts: list[np.ndarray] = []
    for name in wanted:
        if name in signals:
            timestamps, values = signals[name]
            names += channel_names(name, values.shape[1])
            parts.append(sample_signal(timestamps, values, times_s, bin_s))
        elif name in columns:
            names.append(name)
            parts.append(held_constant(name, columns[name], times_s.shape[1]))
        else:
            there = listed([*signals, *columns])
            raise DataError(f"there is no signal or trial column {shown(name)}: there is {there}.")
    return names, np.concatenate(parts, axis=2) if parts else None


def held_constant(name: str, column: np.ndarray, n_time: int) -> np.ndarray:
    """One number per trial as an input that is constant over the trial, (trials, time, 1).

    Raises:
        DataError: when the column holds text.
    """
    if column.dtype.kind not in "biuf":
        raise DataError(
            f"{name!r} holds text: a stimulus is numbers; code it as 0 and 1 columns first."
        )
    return np.broadcast_to(column.astype(np.float32)[:, None, None], (column.size, n_time, 1))
