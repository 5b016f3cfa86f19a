"""Continuous signals: channel names, and values at bin centres."""

from collections.abc import Mapping

import numpy as np

from undertow.data.files import listed
from undertow.errors import DataError


def channel_names(name: str, n_channels: int) -> list[str]:
    """One channel keeps its name; two or three become name_x, name_y(, name_z); more name_0, name_1, …"""
    if n_channels == 1:
        return [name]
    axes = "xyz" if n_channels in (2, 3) else range(n_channels)
    return [f"{name}_{axis}" for axis, _ in zip(axes, range(n_channels), strict=False)]


def as_signal(name: str, timestamps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check one signal: increasing timestamps in seconds (samples,) and values (samples, channels)."""
    times, data = np.asarray(timestamps, float), np.asarray(values, float)
    data = data[:, None] if data.ndim == 1 else data
    if times.ndim != 1 or data.ndim != 2 or len(times) != len(data) or times.size == 0:
        raise DataError(
            f"signal {name!r} has timestamps {times.shape} and values {data.shape}: "
            "they must be (samples,) and "
            "(samples, channels), with at least one sample."
        )
    if not (np.diff(times) > 0).all():
        raise DataError(f"signal {name!r} has timestamps that do not increase: sort them and remove doubles.")
    return times, data


def sample_signal(
    timestamps: np.ndarray, values: np.ndarray, times_s: np.ndarray, bin_s: float
) -> np.ndarray:
    """Linear interpolation at `times_s` (any shape) → that shape + (channels,).

    NaN before the first and after the last sample, where a neighbouring sample is NaN, and inside gaps longer
    than two bins and five usual sample intervals.
    """
    flat = np.ravel(times_s)
    columns = [np.interp(flat, timestamps, channel, left=np.nan, right=np.nan) for channel in values.T]
    sampled = np.stack(columns, axis=-1)
    if timestamps.size > 1:
        intervals = np.diff(timestamps)
        longest = max(2 * bin_s, 5 * float(np.median(intervals)))
        left = np.clip(np.searchsorted(timestamps, flat, side="right") - 1, 0, intervals.size - 1)
        sampled[(intervals[left] > longest) & (flat != timestamps[left]) & (flat != timestamps[left + 1])] = (
            np.nan
        )
    return sampled.reshape(*np.shape(times_s), values.shape[1])


def sample_signals(
    signals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    wanted: tuple[str, ...],
    times_s: np.ndarray,
    bin_s: float,
) -> tuple[list[str], np.ndarray | None]:
    """Channel names and values (trials, time, channels) of the signals wanted; None for no signal."""
    names: list[str] = []
    sampled: list[np.ndarray] = []
    for name in wanted:
        if name not in signals:
            raise DataError(f"the recording has no signal {name!r}: there is {listed(signals)}.")
        timestamps, values = signals[name]
        names += channel_names(name, values.shape[1])
        sampled.append(sample_signal(timestamps, values, times_s, bin_s))
    return names, np.concatenate(sampled, axis=2) if sampled else None
