"""Windows around events: which trials have one, and how many bins of it."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from undertow.data import validation
from undertow.data.binning import MOST_BINS, TIME_TOLERANCE_S, whole_bins
from undertow.data.tables import Columns, column
from undertow.errors import DataError, DataWarning
from undertow.names import shown

Window = tuple[float, float]
IN_SECONDS = " (bins are in seconds: 20 ms is 0.02)"
ENDLESS, FEW = 20.0, 0.05
"""How many times as long as the median a trial is whose stop time is doubtful, and the share of
trials of which that is doubted."""


def align_column(trials: Columns, align: str | None) -> str:
    """The column of a trial table to align to: `align`, else 'start_time' or the only one.

    Raises:
        DataError: for a table without rows, an unknown column, or one that holds no times.
    """
    if not trials or not len(next(iter(trials.values()))):
        raise DataError("the recording has no trials: cut it into windows with cut(window_s=…).")
    if align is None:
        several = "start_time" in trials or len(trials) > 1
        align = "start_time" if several else next(iter(trials))
    if column("trials", trials, align).dtype.kind not in "iuf":
        raise DataError(
            f"column {align!r} of the trials holds no times: align to a column of seconds."
        )
    return align


def timed_trials(
    trials: Columns,
    rows: np.ndarray,
    align: str,
    window_s: Window | None,
    bin_s: float,
    trial_ids: np.ndarray,
    chosen: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Those of `rows` whose event (and stop time, where needed) is known, and the bins of each.

    Trials that are dropped are counted in a warning. Without a window, single trials of more than
    20 times the median length are left out too, unless trials were chosen: all others would be
    padded to their length.

    Args:
        trials: the trial table.
        rows: of the table.
        align: the column of events.
        window_s: in seconds from the event; None for up to `stop_time`.
        bin_s: bin width in seconds.
        trial_ids: of all rows of the table.
        chosen: whether the caller chose trials.

    Raises:
        DataError: when none is left, or the window is no whole number of bins.
    """
    event = trials[align][rows].astype(float)
    if window_s is not None:
        n_time = whole_bins(window_s[1] - window_s[0], bin_s)
        known = bins = np.where(np.isfinite(event), n_time, 0)
    else:
        known = _bins_to_stop(trials, rows, event, bin_s)
        bins = _without_endless(known, trial_ids[rows], bin_s, chosen)
    if not (known > 0).any():
        raise DataError(
            f"no trial has a time in {align!r} and at least one bin of {bin_s:g} s: "
            f"check align and window_s{IN_SECONDS if bin_s >= 1 else ''}."
        )
    if dropped := int((known <= 0).sum()):
        short = " or are shorter than one bin" if window_s is None else ""
        warnings.warn(
            f"{dropped} of {rows.size} trials have no time in {align!r}{short} and are dropped; "
            "to keep them, align to an event that every trial has.",
            DataWarning,
            stacklevel=3,
        )
    return rows[bins > 0], bins[bins > 0]


def _bins_to_stop(trials: Columns, rows: np.ndarray, event: np.ndarray, bin_s: float) -> np.ndarray:
    """Whole bins from each event to the trial's stop time; none where either is unknown."""
    stop = column("trials", trials, "stop_time")[rows]
    if stop.dtype.kind not in "iuf":
        raise DataError("column 'stop_time' of the trials holds no times: give seconds.")
    with np.errstate(invalid="ignore", over="ignore"):
        # the tolerance keeps a last bin that rounding made a hair too short
        bins = (stop.astype(float) - event + TIME_TOLERANCE_S) // bin_s
    return np.where(np.isfinite(bins), bins, 0).clip(-1, MOST_BINS).astype(int)


def _without_endless(
    bins: np.ndarray, trial_ids: np.ndarray, bin_s: float, chosen: bool
) -> np.ndarray:
    """The bins of each trial, none of a single one that is many times as long as the others."""
    if not (bins > 0).any():
        return bins
    usual = float(np.median(bins[bins > 0]))
    endless = bins > ENDLESS * usual
    if chosen or not 0 < endless.sum() <= max(1, FEW * bins.size):
        return bins
    first = int(np.argmax(endless))
    warnings.warn(
        f"{endless.sum()} of {bins.size} trials are more than {ENDLESS:g} times as long as the "
        f"others and are left out: trial {trial_ids[first]} lasts {bins[first] * bin_s:,.6g} s, "
        f"the median {usual * bin_s:.3g} s. Its stop_time may be in another unit; to keep it, give "
        "window_s or choose trials.",
        DataWarning,
        stacklevel=4,
    )
    return np.where(endless, 0, bins)


def as_window(window_s: Any) -> Window:
    """A window as (start, stop) in seconds.

    Raises:
        DataError: for anything else, or a start that does not come before the stop.
    """
    try:
        start, stop = (
            float(edge) if isinstance(edge, Real) else np.nan
            for edge in map(validation.scalar, window_s)
        )
    except (TypeError, ValueError, OverflowError):
        start = stop = np.nan
    if not (np.isfinite([start, stop]).all() and stop > start):
        raise DataError(
            f"window_s is {shown(window_s)}: it must be (start, stop) in seconds from the event, "
            "start before stop."
        )
    return start, stop


def extent_s(
    spike_times: Sequence[np.ndarray], obs_intervals: Sequence[np.ndarray] | None
) -> tuple[float, float]:
    """The first and the last observed moment: of spikes, where no intervals are given.

    Raises:
        DataError: when there is neither a spike nor an interval.
    """
    intervals = [] if obs_intervals is None else [each.ravel() for each in obs_intervals]
    observed = [span for span in intervals if span.size]
    spans = observed or [times for times in spike_times if times.size]
    if not spans:
        raise DataError(
            "the recording holds no spike at all: there is nothing to cut into windows."
        )
    first, last = min(float(s.min()) for s in spans), max(float(s.max()) for s in spans)
    if not np.isfinite([first, last]).all():
        raise DataError("obs_intervals reach to infinity: give starts and stops in seconds.")
    return first, last


def events_table(events: Any) -> Mapping[str, Any]:
    """Events as a trial table: a mapping (a data frame too) column → values, or times alone."""
    return dict(events.items()) if hasattr(events, "items") else {"event": events}
