"""Binned trials straight from spike times and events."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.data.recording import Recording, Window
from undertow.data.trialset import TrialSet


def bin_spike_times(
    spike_times: Sequence[Any] | Mapping[Any, Any],
    events_s: Any,
    window_s: Window,
    bin_s: float = 0.02,
    **fields: Any,
) -> TrialSet:
    """Bin spike times (seconds, one array per unit) in a window around events (seconds, one per
    trial).

    A spike on a bin's edge belongs to the bin that starts there. `fields` are further fields of the
    `TrialSet` (`condition`, `region`, `heldout`, …).
    """
    trials = Recording.from_spike_times(spike_times, events=np.asarray(events_s)).bin(
        "event", window_s, bin_s
    )
    return trials.replace(**fields) if fields else trials
