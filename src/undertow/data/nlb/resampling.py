"""From samples of 1 ms to bins: signals filtered and decimated, counts and rates summed."""

import numpy as np

FILTER_ORDER = 500


def resample_signal(values: np.ndarray, bin_ms: int) -> np.ndarray:
    """Every `bin_ms`-th sample of a signal, (bins, channels), after a zero-phase low-pass filter;
    NaN stays NaN.

    Gaps are filled linearly before the filter, ends with the nearest value.
    """
    from scipy.signal import decimate

    if np.isnan(values).all():
        return values[::bin_ms]
    filled = np.stack([_filled(channel) for channel in values.T], axis=1)
    decimated = decimate(filled, bin_ms, n=FILTER_ORDER, ftype="fir", axis=0, zero_phase=True)
    missing = np.isnan(values[::bin_ms])
    return np.asarray(np.where(missing, values.dtype.type(np.nan), decimated))


def _filled(channel: np.ndarray) -> np.ndarray:
    there = np.flatnonzero(np.isfinite(channel))
    if there.size in (0, channel.size):
        return channel
    return np.asarray(np.interp(np.arange(channel.size), there, channel[there]), channel.dtype)


def sum_groups(values: np.ndarray, size: int) -> np.ndarray:
    """Sums of `size` rows at a time, NaN taken as 0, and NaN where the first row of a group is;
    (groups, columns)."""
    groups = values.reshape(-1, size, values.shape[1])
    return np.where(np.isnan(groups[:, 0]), np.nan, np.nansum(groups, axis=1))
