"""`run_stream`: steps a model through the bins that a source gives, and counts what went wrong."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from undertow.live.bins import Binner, BinOrder, Frame
from undertow.live.readings import Readings
from undertow.models.streaming import Stream, StreamedBin

LONGEST_GAP_S = 5.0
FLUSHED_S = 1.0


class Sink(Protocol):
    """Takes what is known of each bin."""

    def send(self, now: StreamedBin) -> None:
        """Take a bin; its arrays are overwritten afterwards."""

    def close(self) -> None:
        """Let go."""


@dataclass
class Counted:
    """What a stream met.

    Attributes:
        bins: bins stepped through, missing ones too.
        trials: how often a trial began.
        missing: bins that did not come in their turn.
        late: of these, bins that came afterwards.
        duplicated: bins that had come before.
        gaps: gaps so long that the stream began anew.
        late_spikes: spikes that came after their bin.
        latency_us: percentiles of the time from a bin's arrival to its result: '50', '99', '99.9'
            and 'most'.
    """

    bins: int = 0
    trials: int = 0
    missing: int = 0
    late: int = 0
    duplicated: int = 0
    gaps: int = 0
    late_spikes: int = 0
    latency_us: dict[str, float] = field(default_factory=dict)

    def sentence(self, bin_s: float) -> str:
        """The same in words."""
        found = f"{self.bins} bins ({self.bins * bin_s:.1f} s)"
        if self.latency_us:
            found += (
                f", half of them within {self.latency_us['50']:.0f} µs, "
                f"99 % within {self.latency_us['99']:.0f} µs"
            )
        names = ("missing", "late", "duplicated", "gaps", "late_spikes")
        wrong = [(name.replace("_", " "), getattr(self, name)) for name in names]
        return found + "".join(f"; {count} {name}" for name, count in wrong if count) + "."


class Latencies:
    """Counts times by size, so that any number of them takes the same memory."""

    def __init__(self) -> None:
        # steps of 2 %, from 1 µs to 20 s
        self._edges = 1.02 ** np.arange(850)
        self._counts = np.zeros(len(self._edges) + 1, np.int64)
        self._most = 0.0

    def add(self, microseconds: float) -> None:
        """Count a time."""
        self._counts[np.searchsorted(self._edges, microseconds)] += 1
        self._most = max(self._most, microseconds)

    def percentiles(self) -> dict[str, float]:
        """Percentiles to 2 %; none where nothing was counted."""
        if not self._counts.any():
            return {}
        reached = np.cumsum(self._counts) / self._counts.sum()
        last = len(self._edges) - 1
        found = {
            f"{share:g}": float(self._edges[min(int(np.argmax(reached >= share / 100)), last)])
            for share in (50, 99, 99.9)
        }
        return {**found, "most": self._most}


def run_stream(
    stream: Stream,
    source: Iterable[Frame],
    out: Path | None = None,
    sinks: Iterable[Sink] = (),
    seconds: float | None = None,
    progress: Callable[[Counted], None] | None = None,
) -> Counted:
    """Step a stream through a source until that ends, or for so many seconds.

    Bins that are missing are stepped through as unknown; late and repeated ones are dropped; after
    a gap of more than 5 s the stream begins anew. Ctrl-C ends it, with everything written.

    Args:
        stream: of a fitted model.
        source: gives frames as they come.
        out: existing directory for rows (`read_stream`); None to write none.
        sinks: further takers of each result.
        seconds: after which it ends; None to go on.
        progress: called about once a second.

    Raises:
        DataError, ModelError: for a bin of another width, or a source that breaks; everything so
            far is written.
        KeyboardInterrupt: on Ctrl-C.
    """
    counted, latencies, sinks = Counted(), Latencies(), list(sinks)
    order = BinOrder(round(LONGEST_GAP_S / stream.bin_s))
    binner = Binner(stream.bin_s, len(stream.neuron_ids))
    readings: Readings | None = None
    started = said = time.monotonic()
    try:
        for frame in source:
            arrived = time.perf_counter()
            for binned in binner.binned(frame):
                for each in order.ordered(binned):
                    if each.restarts and stream.bins:
                        stream.reset()
                    now = stream.step(each.counts, each.stimulus)
                    latency_us = 1e6 * (time.perf_counter() - arrived)
                    begins = stream.bins == 1
                    counted.bins, counted.trials = counted.bins + 1, counted.trials + begins
                    latencies.add(latency_us)
                    if out is not None:
                        readings = readings or Readings(out, stream, now)
                        readings.append(now, begins, latency_us)
                    for sink in sinks:
                        sink.send(now)
            if (clock := time.monotonic()) - said > FLUSHED_S:
                said = clock
                _count(counted, order, binner, latencies)
                if progress is not None:
                    progress(counted)
            if seconds is not None and clock - started > seconds:
                break
    finally:
        _count(counted, order, binner, latencies)
        if readings is not None:
            readings.say(bin_s=stream.bin_s, counted=asdict(counted))
            readings.close()
    return counted


def _count(counted: Counted, order: BinOrder, binner: Binner, latencies: Latencies) -> None:
    counted.missing, counted.late = order.missing, order.late
    counted.duplicated, counted.gaps = order.duplicated, order.restarts
    counted.late_spikes, counted.latency_us = binner.late, latencies.percentiles()
