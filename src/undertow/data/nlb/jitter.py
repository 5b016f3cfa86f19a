"""The random shift of DMFC_RSG's trials against the event they are aligned to."""

import numpy as np

LONGEST_MS = 1500.0
LARGEST_MS = 300.0
SEED = 0


def jitter_bins(produced_ms: np.ndarray, shifted: np.ndarray, bin_ms: int) -> np.ndarray:
    """How many bins later than the event each trial is aligned, (trials,) integers.

    Uniform from 0 to what the produced time leaves of 1500 ms, at most 300 ms; 0 where not
    `shifted`. Drawn by the legacy generator from a fixed seed, because the published targets were;
    one number a trial, shifted or not.
    """
    room_ms = np.where(shifted, np.clip(LONGEST_MS - produced_ms, 0.0, LARGEST_MS), 0.0)
    high = np.floor(np.round(room_ms / bin_ms, 4))
    return np.round(np.random.RandomState(SEED).random_sample(len(high)) * high).astype(int)
