"""Seconds or something else: times that cannot be meant, with the likely cause, before any work."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data.binning import TIME_TOLERANCE_S
from undertow.data.large.by_unit import LARGE
from undertow.data.observing import Span
from undertow.data.tables import as_names
from undertow.data.validation import bin_width
from undertow.errors import DataError, DataWarning
from undertow.memory import check_memory

DAY_S = 86_400.0
SLOWEST_HZ, FASTEST_HZ = 0.05, 2_000.0
"""A population whose fastest unit is slower, or its median unit faster, counts other than seconds.
"""
ENOUGH_SPIKES, ENOUGH_TRIALS = 100, 10
"""Fewer say nothing about rates, or about clocks."""
APART = 100.0
"""Clocks whose times differ by such a factor do not count the same unit."""
LONG_WINDOW_S = 100.0
NARROWEST_S, WIDE_S = 1e-4, 5.0
"""Bins that are narrower, or as wide or wider, were hardly meant."""
SHORTER = "use a shorter window_s, a wider bin_s, or fewer units or trials; times are in seconds."
MOST_SINGLE = 1e30
"""Seconds that single precision can hold, far beyond any that are meant."""
COARSE = 0.1
"""The step of stored times that is felt in bins, as a share of them."""


def check_size(
    shape: tuple[int, int, int],
    bin_s: float,
    signals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    wanted: tuple[Any, ...],
    advice: str,
) -> None:
    """Refuse to bin what does not fit into memory, before anything is allocated.

    Args:
        shape: trials, bins and units.
        bin_s: bin width in seconds.
        signals: of the recording.
        wanted: names of signals, one or several in each entry.
        advice: what to do, with the likely cause.

    Raises:
        DataError: with the memory it would take.
    """
    n_trials, n_time, n_units = shape
    names = [name for each in wanted for name in as_names(each)]
    n_channels = sum(signals[name][1].shape[1] for name in names if name in signals)
    entries = float(n_trials) * n_time * n_units
    # an array, one copy of it and masks; of many counts a byte each; times and signals are doubles
    counts = 11 * entries if 4 * entries < LARGE else entries
    check_memory(
        counts + float(n_trials) * n_time * 8 * (8 + 8 * n_channels),
        f"spike counts of {n_trials:,} trials × {n_time:,} bins of {bin_s:g} s × {n_units:,} units",
        advice,
    )


def whole_windows(recorded_s: float, window_s: float) -> int:
    """How many windows side by side a recording holds.

    Raises:
        DataError: where not one fits.
    """
    n_windows = int(recorded_s / window_s + TIME_TOLERANCE_S)
    if n_windows < 1:
        raise DataError(
            f"cut_s is {window_s:g}, and the recording lasts {recorded_s:g} s: not one window "
            "fits; windows are in seconds."
        )
    return n_windows


def way_out(
    window_s: tuple[float, float] | None, trial_ids: np.ndarray, lengths: np.ndarray, bin_s: float
) -> str:
    """What to do against trials of so many bins: without a window the longest sets the size."""
    if window_s is not None:
        return SHORTER
    trial = int(np.argmax(lengths))
    return (
        f"trial {trial_ids[trial]} lasts {lengths[trial] * bin_s:,.6g} s; mend its stop_time, "
        "leave it out (trials=…), or give window_s."
    )


def check_rates(spike_times: Sequence[np.ndarray], span_s: Span) -> None:
    """Spike times count seconds, by the rates that come out of them.

    Raises:
        DataError: when no unit fires over days, or units fire faster than any neuron.
    """
    counts = np.array([times.size for times in spike_times])
    seconds = span_s[1] - span_s[0]
    if counts.sum() < ENOUGH_SPIKES or not 0 < seconds < np.inf:
        return
    fastest = counts.max() / seconds
    if fastest < SLOWEST_HZ:
        text = (
            f"no unit fires at {SLOWEST_HZ:g} spikes/s or more over {_long(seconds)}, the fastest "
            f"at {fastest:.2g}: spike times look like milliseconds or samples; give seconds "
            "(divide by 1000, or by the sampling rate)."
        )
        if seconds > DAY_S:
            raise DataError(text)
        warnings.warn(text, DataWarning, stacklevel=4)
    usual = float(np.median(counts[counts > 0])) / seconds
    if usual > FASTEST_HZ:
        raise DataError(
            f"units fire at {usual:.3g} spikes/s over {_long(seconds)}, faster than any neuron: "
            "spike times must be in seconds."
        )


def _long(seconds: float) -> str:
    if seconds >= DAY_S:
        return f"{seconds / DAY_S:.3g} days"
    return f"{seconds / 3600:.3g} hours" if seconds >= 3600 else f"{seconds:.3g} s"


def check_trials(
    events_s: np.ndarray,
    windows_s: tuple[np.ndarray, np.ndarray],
    window_s: tuple[float, float] | None,
    span_s: Span,
    align: str,
) -> None:
    """Windows around events, and spikes, count seconds on one clock.

    Args:
        events_s: all events of the table, of trials that are left out too.
        windows_s: starts and stops of the windows, (trials,) each.
        window_s: the window asked for, if any.
        span_s: first and last observed moment.
        align: the column the events come from.

    Raises:
        DataError: as `check_window` and `check_clocks`.
    """
    events_s = events_s.astype(float)
    events_s = events_s[np.isfinite(events_s)]
    if window_s is not None:
        check_window(window_s, events_s, span_s)
    check_clocks(*windows_s, events_s, span_s, align)


def check_window(window_s: tuple[float, float], events_s: np.ndarray, span_s: Span) -> None:
    """A window is no longer than the recording, nor many times the time between events.

    Raises:
        DataError: with the window in milliseconds that was probably meant.
    """
    start, stop = float(window_s[0]), float(window_s[1])
    length = stop - start
    if length < LONG_WINDOW_S:
        return
    between = float(np.median(np.diff(np.sort(events_s)))) if events_s.size > 1 else np.inf
    if length > span_s[1] - span_s[0] or length > 10 * between:
        raise DataError(
            f"window_s is ({start:g}, {stop:g}), {length:g} s around each event, in a recording of "
            f"{span_s[1] - span_s[0]:,.4g} s{_spaced(between)}: windows are in seconds, and "
            f"{start:g} to {stop:g} ms is ({start / 1e3:g}, {stop / 1e3:g})."
        )


def _spaced(between: float) -> str:
    return f" with an event every {between:.3g} s" if np.isfinite(between) else ""


def check_clocks(
    starts_s: np.ndarray, stops_s: np.ndarray, events_s: np.ndarray, span_s: Span, align: str
) -> None:
    """Trials and spikes are on one clock.

    Raises:
        DataError: when no window lies in the recording.
    """
    first, last = span_s
    if not np.isfinite([first, last]).all():
        return
    if not ((stops_s > first) & (starts_s < last)).any():
        raise DataError(
            f"there is no spike at all in the trials, which run from {starts_s.min():g} to "
            f"{stops_s.max():g} s by {align!r}, in a recording from {first:g} to {last:g} s: "
            f"{_cause(float(np.abs(events_s).max()), max(abs(first), abs(last)), align)}."
        )
    within = float(np.ptp(events_s))
    if events_s.size >= ENOUGH_TRIALS and 0 < within * APART < last - first:
        warnings.warn(
            f"all {events_s.size} events in {align!r} lie within {within:.3g} s of a recording of "
            f"{last - first:,.0f} s: are spike times in seconds, and not in milliseconds or "
            "samples?",
            DataWarning,
            stacklevel=4,
        )


def _cause(events: float, spikes: float, align: str) -> str:
    if events > APART * spikes:
        return f"times in {align!r} look like milliseconds or samples, give seconds"
    if spikes > APART * events:
        return "spike times look like milliseconds or samples, give seconds"
    return "both must be in seconds on one clock"


def warn_coarse(spike_times: Sequence[np.ndarray], bin_s: float) -> None:
    """Say where late spike times were stored in steps that are felt in the bins."""
    late = max((float(times[-1]) for times in spike_times if times.size), default=0.0)
    step_s = float(np.spacing(np.float32(min(late, MOST_SINGLE))))
    if step_s <= COARSE * bin_s:
        return
    ends = np.concatenate([times[-ENOUGH_SPIKES:] for times in spike_times])
    if np.abs(ends).max(initial=0) > MOST_SINGLE:
        return
    stored = ends.astype(np.float32).astype(float) == ends
    if ends.size >= ENOUGH_TRIALS and stored.all():
        warnings.warn(
            f"spike times were stored in single precision: at {late:,.0f} s they come in steps of "
            f"{1e3 * step_s:.2g} ms, for bins of {1e3 * bin_s:g} ms, so spikes lie in wrong bins; "
            "save them in double precision (float64).",
            DataWarning,
            stacklevel=4,
        )


def warn_width(bin_s: float) -> None:
    """Say where bins are seconds wide, or narrower than a spike."""
    if not NARROWEST_S <= bin_s < WIDE_S:
        warnings.warn(_odd_width(bin_s), DataWarning, stacklevel=4)


def counting_width(bin_s: Any) -> float:
    """The width of bins to count spikes in: seconds, and not less than a spike lasts.

    Raises:
        DataError: saying what was probably meant.
    """
    width_s = bin_width(bin_s)
    if width_s < NARROWEST_S:
        raise DataError(_odd_width(width_s))
    return width_s


def _odd_width(bin_s: float) -> str:
    if bin_s >= WIDE_S:
        return f"bin_s is {bin_s:g} s: bins are in seconds, {bin_s:g} ms is {bin_s / 1e3:g}."
    return (
        f"bin_s is {bin_s:.3g} s, less than a spike lasts: bins are in seconds (bin_ms in "
        "milliseconds), and 20 ms is 0.02 (bin_ms 20)."
    )
