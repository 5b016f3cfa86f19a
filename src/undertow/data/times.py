"""When each bin of a trial was observed: regular centres, or times of each trial's own."""

from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.sharing import frozen
from undertow.errors import DataError


def bin_centres_s(start_s: float, bin_s: float, n_time: int) -> np.ndarray:
    """Centres in seconds, (time,), of `n_time` bins side by side from `start_s` on."""
    return start_s + (np.arange(n_time) + 0.5) * bin_s


def check_times(times: Any, lengths: np.ndarray, n_time: int, start_s: float) -> np.ndarray:
    """Check bin centres of each trial, (trials, time) seconds from the event.

    They come back as NaN past a trial's end, whatever was there.

    Raises:
        DataError: naming the trial, unless times are finite inside a trial, strictly increasing
            there, and not before the window's start.
    """
    array = validation.as_numeric("times", times, 2, np.float64)
    shape = (lengths.size, n_time)
    if array.shape != shape:
        raise DataError(
            f"times has shape {array.shape}: it must be {shape}, trials and bins as in spikes."
        )
    inside = np.arange(n_time) < lengths[:, None]
    array = np.where(inside, array, np.nan)
    _refuse(
        array,
        inside & ~np.isfinite(array),
        "it must be a finite number of seconds inside the trial",
    )
    late = np.zeros(shape, bool)
    late[:, 1:] = array[:, 1:] <= array[:, :-1]
    _refuse(array, late, "times must increase strictly inside a trial")
    _refuse(
        array, array < start_s, f"it lies before start_s, {start_s:g} s, where the window starts"
    )
    return frozen(array)


def _refuse(times: np.ndarray, bad: np.ndarray, rule: str) -> None:
    if not bad.any():
        return
    trial, time = (int(k) for k in np.argwhere(bad)[0])
    before = f", after {times[trial, time - 1]:g} s" if time else ""
    raise DataError(
        f"times of trial {trial} is {times[trial, time]:g} s in bin {time}{before}: {rule}."
    )


def sliced_start_s(start_s: float, bin_s: float, times: np.ndarray | None, first: int) -> float:
    """The start in seconds of a window that begins with bin `first`.

    `times` are those of the trials that stay.

    With irregular times it is the earliest left edge of these bins, which is the regular rule where
    times are regular.
    """
    if times is None or first == 0:
        return start_s + first * bin_s
    # half a bin before the earliest centre, yet never before the whole window began
    return max(start_s, float(times[:, first].min()) - bin_s / 2)


def shown_bins(
    times: np.ndarray | None, n_time: int, start_s: float, bin_s: float, bins: int
) -> np.ndarray:
    """Mark what was observed before `bins` bin widths had passed, (trials or 1, time).

    Args:
        times: irregular times, (trials, time) seconds, NaN past a trial's end; None for bins side
            by side.
        n_time: bins in the window.
        start_s: where the window starts.
        bin_s: bin width.
        bins: how many bin widths count.
    """
    if times is None:
        return (np.arange(n_time) < bins)[None]
    # single precision, in which models are given times: both must draw the line alike
    since = from_start_s(times, start_s, bin_s).astype(np.float32)
    return since < np.float32(bins * bin_s)


def from_start_s(times: np.ndarray, start_s: float, bin_s: float) -> np.ndarray:
    """Times since the window's start in seconds, (trials, time), finite everywhere.

    Past its end a trial goes on in steps of `bin_s`, so that a grid laid over all trials stays
    finite and increasing.
    """
    last = np.isfinite(times).sum(axis=1, keepdims=True) - 1
    steps = np.arange(times.shape[1]) - last
    onward = np.take_along_axis(times, last, axis=1) + steps * bin_s
    return np.where(steps > 0, onward, times) - start_s
