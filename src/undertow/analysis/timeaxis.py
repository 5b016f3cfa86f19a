"""`TimeAxis`: where the bins of an array lie in time, for drawing it."""

from dataclasses import dataclass

import numpy as np

from undertow.data import TrialSet
from undertow.errors import UndertowError


@dataclass(frozen=True, eq=False)
class TimeAxis:
    """Time axis of bins, in seconds from an event.

    Attributes:
        start_s: left edge of the first bin, seconds from the event.
        bin_s: bin width in seconds.
        n_time: number of bins.
        event: the event's name.
        forward_bins: the last bins of the window, predicted but never given to the encoder.
    """

    start_s: float
    bin_s: float
    n_time: int
    event: str
    forward_bins: int = 0

    @classmethod
    def of(cls, trials: TrialSet) -> "TimeAxis":
        """Return the time axis of a TrialSet.

        Raises:
            UndertowError: when its times are irregular: there is no axis that all trials share.
        """
        if trials.times is not None:
            raise UndertowError(
                "the trials have irregular times: this needs bins that all trials share."
            )
        return cls(trials.start_s, trials.bin_s, trials.n_time, trials.event, trials.forward_bins)

    @property
    def time_s(self) -> np.ndarray:
        """Bin centres, (time,)."""
        return self.start_s + (np.arange(self.n_time) + 0.5) * self.bin_s

    @property
    def edges_s(self) -> np.ndarray:
        """Bin edges, (time + 1,)."""
        return self.start_s + np.arange(self.n_time + 1) * self.bin_s

    @property
    def stop_s(self) -> float:
        """Right edge of the last bin."""
        return self.start_s + self.n_time * self.bin_s

    @property
    def forward_start_s(self) -> float | None:
        """Left edge of the first forward bin; None without forward bins."""
        return self.stop_s - self.forward_bins * self.bin_s if self.forward_bins else None

    @property
    def event_inside(self) -> bool:
        """Whether the event, t = 0, falls into the window, not onto its edge."""
        return self.start_s < 0.0 < self.stop_s

    def label(self) -> str:
        """Label of the axis: seconds, and from what."""
        return f"time from {self.event} (s)"
