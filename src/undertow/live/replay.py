"""`Replay`: a recording, bin by bin, as fast as it happened or faster."""

import time
from collections.abc import Iterator

from undertow.data import TrialSet
from undertow.live.bins import Frame


class Replay:
    """Trials one after another, each from its beginning.

    Args:
        trials: of regular bins.
        speed: how many times as fast as they were recorded; 0 for as fast as can be.
    """

    def __init__(self, trials: TrialSet, speed: float = 1.0) -> None:
        self._trials, self._speed = trials, speed

    def __iter__(self) -> Iterator[Frame]:
        """Frames of all trials, each when its time has come."""
        trials, number, started = self._trials, 0, time.monotonic()
        for trial, length in enumerate(trials.lengths.tolist()):
            for t in range(min(length, trials.n_time - trials.forward_bins)):
                if self._speed:
                    due = started + number * trials.bin_s / self._speed
                    time.sleep(max(0.0, due - time.monotonic()))
                stimulus = None if trials.stimulus is None else trials.stimulus[trial, t]
                counts = trials.spikes[trial, t].astype(float)
                yield Frame(number, counts, stimulus=stimulus, restarts=t == 0)
                number += 1

    def close(self) -> None:
        """Nothing is open."""
