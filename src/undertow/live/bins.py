"""Bins as they arrive: numbered counts or spike times, in order or not."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from undertow.errors import DataError

MOST_SKIPPED = 100_000
"""Numbers of skipped bins that are remembered, to tell a late bin from one that came twice."""


@dataclass(frozen=True)
class Frame:
    """What arrived: the counts of a bin, or spikes at times.

    Attributes:
        bin: its number; None for the next one.
        counts: spikes of each neuron, (neurons,); None where nothing is known.
        times_s, units: instead of counts, times in seconds since the stream began, and the index of
            the neuron of each, (spikes,); `times_s` are in order from frame to frame, and a frame
            without spikes says, as its only time with unit −1, how far time has come.
        stimulus: external input, (channels,); None for its last known value.
        restarts: a trial begins with this bin.
    """

    bin: int | None = None
    counts: np.ndarray | None = None
    times_s: np.ndarray | None = None
    units: np.ndarray | None = None
    stimulus: np.ndarray | None = None
    restarts: bool = False


@dataclass
class BinOrder:
    """Puts numbered bins in order: missing ones are stepped over, those that come too late dropped.

    Attributes:
        longest_gap: bins; after a longer gap the stream begins anew.
        missing, late, duplicated, restarts: how often each was met. A bin that comes after its turn
            was missing first, and is late then.
    """

    longest_gap: int
    missing: int = 0
    late: int = 0
    duplicated: int = 0
    restarts: int = 0
    _next: int | None = None
    _skipped: set[int] = field(default_factory=set)

    def ordered(self, frame: Frame) -> Iterator[Frame]:
        """The frames to step through now: those missing before it, then it, or nothing."""
        number = self._next or 0 if frame.bin is None else frame.bin
        if frame.restarts or self._next is None:
            self._next = number
        gap = number - self._next
        if gap < 0:
            if number in self._skipped:
                self._skipped.discard(number)
                self.late += 1
            else:
                self.duplicated += 1
            return
        if gap > self.longest_gap:
            self.restarts += 1
            frame = Frame(number, frame.counts, stimulus=frame.stimulus, restarts=True)
        else:
            for missed in range(self._next, number):
                self._skipped.add(missed)
                self.missing += 1
                yield Frame(missed)
        if len(self._skipped) > MOST_SKIPPED:
            self._skipped.clear()
        self._next = number + 1
        yield frame


class Binner:
    """Counts spikes in bins, as their times come.

    Args:
        bin_s: bin width in seconds.
        neurons: number of neurons.

    Attributes:
        late: spikes that came after their bin was complete, and are lost.
    """

    def __init__(self, bin_s: float, neurons: int) -> None:
        self.bin_s, self.neurons, self.late = bin_s, neurons, 0
        self._bin: int | None = None
        self._counts = np.zeros(neurons)

    def binned(self, frame: Frame) -> Iterator[Frame]:
        """The bins that are complete now that these spikes are known; a frame of counts is one.

        Raises:
            DataError: for a unit that is none.
        """
        if frame.times_s is None or frame.units is None:
            yield frame
            return
        if len(frame.units) and (frame.units.max() >= self.neurons or frame.units.min() < -1):
            raise DataError(
                f"a spike is of unit {int(frame.units.max())}: the model reads units 0 to "
                f"{self.neurons - 1}, in its order."
            )
        bins = np.floor(frame.times_s / self.bin_s + 1e-9).astype(int)
        for number, unit in zip(bins.tolist(), frame.units.tolist(), strict=True):
            if self._bin is None:
                self._bin = number
            while number > self._bin:
                yield Frame(self._bin, self._counts.copy())
                self._counts[...] = 0.0
                self._bin += 1
            if number < self._bin:
                self.late += unit >= 0
            elif unit >= 0:
                self._counts[unit] += 1
