"""The training or the evaluation trials of a session, cut into arrays."""

from dataclasses import dataclass
from functools import cached_property
from typing import final

import numpy as np

from undertow.data.nlb.aligning import cut_spikes, end_bin, first_bin, gather
from undertow.data.nlb.jitter import jitter_bins
from undertow.data.nlb.session import NS_PER_MS, POPULATIONS, Session
from undertow.data.nlb.sets import FORWARD_MS, NLBSet


@final
@dataclass(frozen=True, eq=False)
class Part:
    """Some trials of a session.

    Attributes:
        session: what the files hold.
        entry: the set.
        bin_ms: 5 or 20.
        rows: rows of the trials in the session's table.
        signal: the series decoded, in bins, (bins, channels); None where there is none.
    """

    session: Session
    entry: NLBSet
    bin_ms: int
    rows: np.ndarray
    signal: np.ndarray | None

    def column(self, name: str) -> np.ndarray:
        """A trial column of these trials, (trials,)."""
        return np.asarray(self.session.trials[name][self.rows])

    @cached_property
    def jitter(self) -> np.ndarray:
        """Bins by which each trial is aligned late, (trials,); 0 where no file tells produced
        times, as test parts."""
        if self.entry.produced_column not in self.session.trials:
            return np.zeros(len(self.rows), int)
        shifted = self.column("split") != "test"
        return jitter_bins(self.column(self.entry.produced_column), shifted, self.bin_ms)

    def spikes(self) -> dict[str, np.ndarray]:
        """`spikes_{heldin,heldout}[_forward]`, (trials, bins, units)."""
        start_ms, stop_ms = self.entry.window_ms
        windows = {
            "": (start_ms, self.entry.n_bins(self.bin_ms)),
            "_forward": (stop_ms, FORWARD_MS // self.bin_ms),
        }
        return {
            f"spikes_{name}{suffix}": cut_spikes(
                self.session.populations[name], self._first_bin(edge_ms), n_bins, self.bin_ms
            )
            for suffix, (edge_ms, n_bins) in windows.items()
            for name in POPULATIONS
        }

    def behavior(self) -> np.ndarray:
        """The series decoded, (trials, bins, channels), the set's lag later than the spikes; or
        columns, (trials, columns).

        Columns of outliers are NaN.
        """
        if self.signal is not None:
            first = self._first_bin(self.entry.window_ms[0] + self.entry.lag_ms)
            return gather(self.signal, first, self.entry.n_bins(self.bin_ms)).astype(float)
        columns = np.stack([self.column(name) for name in self.entry.behavior_columns], axis=1)
        columns[self.column(self.entry.outlier_column) != 0] = np.nan
        return columns

    def scored(self, spikes: np.ndarray) -> np.ndarray:
        """Spikes of the window, NaN before the set's start column and from the event on, where it
        has one."""
        if not self.entry.start_column:
            return spikes
        bins = self._first_bin(self.entry.window_ms[0])[:, None] + np.arange(spikes.shape[1])
        start = first_bin(self.column(self.entry.start_column), self.bin_ms)
        end = end_bin(self.column(self.entry.align), self.bin_ms)
        inside = (bins >= start[:, None]) & (bins < end[:, None])
        return np.where(inside[:, :, None], spikes, np.float32(np.nan))

    def decode_mask(self) -> np.ndarray:
        """Which of two decoders each trial is for, (trials, 2)."""
        values = self.column(self.entry.decode_column)
        return np.stack([values == 0, values == 1], axis=1)

    def _first_bin(self, offset_ms: int) -> np.ndarray:
        """The first bin of each trial in a window that starts at an offset from its event."""
        start_ns = self.column(self.entry.align) + offset_ms * NS_PER_MS
        return np.asarray(first_bin(start_ns, self.bin_ms) + self.jitter)
