"""Binning: spike times into bins, and bins into wider bins."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.checks import number
from undertow.data import validation
from undertow.data.counts import totals
from undertow.data.large import LazyCounts, RebinnedCounts
from undertow.data.sharing import sealed
from undertow.errors import DataError, DataWarning

# far below any recording's resolution, far above the rounding error of times of day-long sessions
TIME_TOLERANCE_S = 1e-7
MOST_BINS = 2**53
"""More in a window cannot be told apart by a number of seconds."""


def rebinned_fields(fields: Mapping[str, Any], bin_s: float) -> dict[str, Any]:
    """The fields of a `TrialSet` that change when its bins are made a whole multiple as wide.

    Counts are summed, signals and truth averaged. A wide bin is NaN where any of its narrow bins
    is; behaviour is averaged over what is there. Narrow bins left over at the end are dropped, with
    a warning. Categorical behaviour takes the first value of each wide bin.

    Args:
        fields: of the set, name → value.
        bin_s: the width wanted, in seconds.

    Raises:
        DataError: when `bin_s` is not a whole multiple of the bin width, forward bins do not
            divide, or times are irregular.
    """
    bin_s = validation.bin_width(bin_s)
    factor = _factor(fields, bin_s)
    if factor == 1:
        return {}
    narrow = fields["spikes"].shape[1]
    n_time = narrow // factor
    if n_time == 0:
        raise DataError(
            f"bin_s is {bin_s:g} s: longer than the window of {narrow * fields['bin_s']:g} s."
        )
    if left := narrow - n_time * factor:
        warnings.warn(
            f"the last {left} bin(s) do not fill a bin of {bin_s:g} s and are dropped.",
            DataWarning,
            stacklevel=3,
        )

    def grouped(array: np.ndarray) -> np.ndarray:
        return array[:, : n_time * factor].reshape(len(array), n_time, factor, array.shape[2])

    signals = {k: fields[k] for k in ("behavior", "stimulus", "truth") if fields[k] is not None}
    averaged = {name: _nanmean(grouped(values)) for name, values in signals.items()}
    if "behavior" in signals and fields["behavior_kind"] == "categorical":
        # a mean of category numbers would name a category nobody saw
        averaged["behavior"] = grouped(signals["behavior"])[:, :, 0]
    # a trial ends with its last whole wide bin, and keeps at least one
    lengths = np.maximum(fields["lengths"] // factor, 1)
    return {
        "spikes": RebinnedCounts(spikes, factor)
        if isinstance(spikes := fields["spikes"], LazyCounts)
        else grouped(spikes).sum(axis=2),
        "bin_s": bin_s,
        "lengths": lengths,
        "recorded_s": sliced_recorded_s(fields["recorded_s"], 0, lengths, bin_s),
        "forward_bins": fields["forward_bins"] // factor,
        **averaged,
    }


def _factor(fields: Mapping[str, Any], bin_s: float) -> int:
    """The number of narrow bins in each wide one."""
    own_bin_s: float = fields["bin_s"]
    ratio = bin_s / own_bin_s
    factor = round(ratio) if ratio < MOST_BINS else MOST_BINS
    if factor < 1 or abs(factor * own_bin_s - bin_s) > 1e-9:
        raise DataError(
            f"bin_s is {bin_s:g} s: it must be a whole multiple of the data's own bins, "
            f"{own_bin_s:g} s."
        )
    if factor > 1 and fields["times"] is not None:
        raise DataError(
            "bins at irregular times cannot be rebinned: they do not lie side by side; count the "
            "spikes in wider bins."
        )
    if fields["forward_bins"] % factor:
        raise DataError(
            f"{fields['forward_bins']} forward bins cannot be rebinned by {factor}: choose a "
            "divisor of them."
        )
    return factor


def _nanmean(groups: np.ndarray) -> np.ndarray:
    """Mean over axis 2 of what is finite; NaN where nothing is."""
    finite = np.isfinite(groups)
    total = np.where(finite, groups, 0).sum(axis=2)
    count = finite.sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def sliced_recorded_s(
    recorded_s: np.ndarray | None, first: int, lengths: np.ndarray, bin_s: float
) -> np.ndarray | None:
    """Windows on the recording's clock of trials of which `lengths` bins stay, from `first` on."""
    if recorded_s is None:
        return None
    start = recorded_s[:, 0] + first * bin_s
    return np.stack([start, start + lengths * bin_s], axis=1)


def whole_bins(duration_s: float, bin_s: float) -> int:
    """The number of bins in a duration that must be a whole multiple of them.

    Raises:
        DataError: when it is not, or is shorter than one bin.
    """
    duration_s = validation.seconds("window_s", duration_s)
    ratio = duration_s / bin_s
    n_time = round(ratio) if ratio < MOST_BINS else MOST_BINS
    if bin_s > max(duration_s, 1):
        raise DataError(
            f"bin_s is {bin_s:g} s, longer than a window of {duration_s:g} s: bins are in seconds, "
            "and 20 ms is 0.02."
        )
    if n_time < 1 or abs(n_time * bin_s - duration_s) > 1e-6:
        raise DataError(
            f"a window of {duration_s:g} s is not a whole number of bins of {bin_s:g} s: change "
            "one of them."
        )
    return n_time


def bin_edges(starts_s: np.ndarray, n_time: int, bin_s: float) -> np.ndarray:
    """Bin edges in seconds, (trials, time + 1), for windows that start at `starts_s`, (trials,)."""
    # multiples of the width from each start: adding it bin by bin would pile up rounding errors
    return np.asarray(starts_s, float)[:, None] + np.arange(n_time + 1) * bin_s


def count_spikes(times: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Spikes of one unit per bin, (trials, time), from its sorted times and the bins' edges.

    Times are seconds; edges are (trials, time + 1).

    A spike on an edge belongs to the bin that starts there; floating-point error of up to
    `TIME_TOLERANCE_S` in spike times or edges does not change that.
    """
    # edges move down by the tolerance: a spike rounded to just below one counts as on it
    counts: np.ndarray = np.diff(np.searchsorted(times, edges - TIME_TOLERANCE_S), axis=1)
    return counts


def observed_bins(intervals: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """True where a bin lies wholly inside the observed `intervals`; (trials, time).

    Intervals are (n, 2), start and stop in seconds.
    """
    starts, stops = merged_intervals(intervals)
    if starts.size == 0:
        return np.zeros((edges.shape[0], edges.shape[1] - 1), bool)
    # the last merged interval that starts by the bin's left edge is the only one that can hold it
    holder = np.searchsorted(starts, edges[:, :-1] + TIME_TOLERANCE_S, side="right") - 1
    return (holder >= 0) & (edges[:, 1:] <= stops[np.maximum(holder, 0)] + TIME_TOLERANCE_S)


class ObservedBins:
    """Where each unit was observed during the whole bin: unit → (trials, time).

    Without intervals all bins of all units were.
    """

    def __init__(self, intervals: Sequence[np.ndarray] | None, edges: np.ndarray) -> None:
        self._intervals, self._edges = intervals, edges
        every = np.ones((edges.shape[0], edges.shape[1] - 1), bool)
        self._known = {b"always": every}  # units nearly always share their intervals

    def __getitem__(self, unit: int) -> np.ndarray:
        if self._intervals is None:
            return self._known[b"always"]
        mine = self._intervals[unit]
        if (key := mine.tobytes()) not in self._known:
            self._known[key] = observed_bins(mine, self._edges)
        return self._known[key]


def of_units(spikes: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """The counts of some units, read-only; the array itself, uncopied, where all of them stay."""
    return sealed(spikes if keep.size == spikes.shape[2] else spikes[:, :, keep])


def fast_units(spikes: np.ndarray, bin_s: float, min_rate_hz: float) -> np.ndarray:
    """Positions of the units that fire at `min_rate_hz` spikes/s or more in observed bins."""
    if number("min_rate_hz", min_rate_hz, error=DataError) <= 0:
        return np.arange(spikes.shape[2])
    total, observed = totals(spikes)
    seconds = observed * bin_s
    with np.errstate(over="ignore"):  # a rate that no unit reaches
        least = min_rate_hz * np.where(seconds > 0, seconds, np.inf)
    fires = total >= least
    if not fires.any():
        raise DataError(f"no unit fires at {min_rate_hz:g} spikes/s or more: lower min_rate_hz.")
    return np.flatnonzero(fires)


def merged_intervals(intervals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Starts and stops of the union of intervals, in order; touching intervals are one."""
    intervals = intervals[np.argsort(intervals[:, 0], kind="stable")]
    # the farthest stop so far: a short interval inside a long one must not end it early
    reached = np.maximum.accumulate(intervals[:, 1])
    first = np.ones(len(intervals), bool)
    first[1:] = intervals[1:, 0] > reached[:-1] + TIME_TOLERANCE_S
    last = np.append(first[1:], True)[: len(intervals)]
    return intervals[first, 0], reached[last]
