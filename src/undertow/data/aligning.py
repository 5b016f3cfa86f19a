"""Windows around events: which trials have one, and how many bins of it."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data.binning import TIME_TOLERANCE_S, whole_bins
from undertow.data.tables import Columns, column
from undertow.errors import DataError, DataWarning

Window = tuple[float, float]


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
    trials: Columns, rows: np.ndarray, align: str, window_s: Window | None, bin_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Those of `rows` whose event (and stop time, where needed) is known, and the bins of each.

    Trials that are dropped are counted in a warning.

    Raises:
        DataError: when none is left, or the window is no whole number of bins.
    """
    event = trials[align][rows].astype(float)
    if window_s is not None:
        n_time = whole_bins(window_duration_s(window_s), bin_s)
        bins = np.where(np.isfinite(event), n_time, 0)
    else:
        stop = column("trials", trials, "stop_time")[rows].astype(float)
        # the tolerance keeps a last bin that rounding made a hair too short
        bins = np.nan_to_num((stop - event + TIME_TOLERANCE_S) // bin_s).astype(int)
    if not (bins > 0).any():
        raise DataError(
            f"no trial has a time in {align!r} and at least one bin of {bin_s:g} s: "
            "check align and window_s."
        )
    if dropped := int((bins <= 0).sum()):
        short = " or are shorter than one bin" if window_s is None else ""
        warnings.warn(
            f"{dropped} of {rows.size} trials have no time in {align!r}{short} and are dropped.",
            DataWarning,
            stacklevel=3,
        )
    return rows[bins > 0], bins[bins > 0]


def window_duration_s(window_s: Any) -> float:
    """The duration in seconds of a window (start, stop)."""
    try:
        start, stop = (float(edge) for edge in window_s)
    except (TypeError, ValueError):
        start = stop = np.nan
    if not (np.isfinite([start, stop]).all() and stop > start):
        raise DataError(
            f"window_s is {window_s!r}: it must be (start, stop) in seconds from the event, start "
            "before stop."
        )
    return stop - start


def extent_s(
    spike_times: Sequence[np.ndarray], obs_intervals: Sequence[np.ndarray] | None
) -> tuple[float, float]:
    """The first and the last observed moment: of spikes, where no intervals are given.

    Raises:
        DataError: when there is neither a spike nor an interval.
    """
    spans = spike_times if obs_intervals is None else [i.ravel() for i in obs_intervals]
    spans = [span for span in spans if span.size]
    if not spans:
        raise DataError(
            "the recording holds no spike at all: there is nothing to cut into windows."
        )
    return min(float(s.min()) for s in spans), max(float(s.max()) for s in spans)


def events_table(events: Any) -> Mapping[str, Any]:
    """Events as a trial table: a mapping (a data frame too) column → values, or times alone."""
    return dict(events.items()) if hasattr(events, "items") else {"event": events}
