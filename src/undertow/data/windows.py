"""Windows: a continuous recording cut into trials that never span two splits."""

from typing import Any

import numpy as np

from undertow.data import binning, validation
from undertow.data.trialset import TrialSet
from undertow.errors import DataError

SPLITS = ("train", "val", "test")


def cut_windows(
    spikes: Any,
    bin_s: float,
    window_s: float = 1.0,
    fractions: tuple[float, float, float] = (0.7, 0.15, 0.15),
    blocks: int = 1,
    behavior: Any = None,
    stimulus: Any = None,
    truth: Any = None,
    **fields: Any,
) -> TrialSet:
    """Cut continuous counts (time, neurons) into windows of `window_s` seconds, side by side.

    Args:
        spikes: counts per bin, (time, neurons), NaN where not observed; bins left over at the end
            are dropped.
        bin_s: bin width in seconds.
        window_s: window length in seconds, a whole number of bins.
        fractions, blocks: see `split_labels`.
        behavior, stimulus, truth: (time, channels), cut alike.
        fields: further fields of the `TrialSet` that are not per trial.

    Raises:
        DataError: for a wrong shape, or fewer windows than parts of the split.
    """
    bin_s = validation.check_positive("bin_s", bin_s, "seconds")
    n_time = binning.whole_bins(window_s, bin_s)
    counts = validation.as_numeric("spikes", spikes, 2)
    n_windows = len(counts) // n_time
    split = split_labels(n_windows, fractions, blocks)

    def cut(name: str, array: Any) -> np.ndarray | None:
        if array is None:
            return None
        array = validation.as_numeric(name, array, 2)
        if len(array) != len(counts):
            raise DataError(f"{name} has {len(array)} bins: spikes has {len(counts)}.")
        return array[: n_windows * n_time].reshape(n_windows, n_time, array.shape[1])

    return TrialSet(
        spikes=counts[: n_windows * n_time].reshape(n_windows, n_time, -1),
        bin_s=bin_s,
        behavior=cut("behavior", behavior),
        stimulus=cut("stimulus", stimulus),
        truth=cut("truth", truth),
        split=split,
        **fields,
    )


def split_labels(
    n_windows: int, fractions: tuple[float, float, float], blocks: int = 1
) -> np.ndarray:
    """'train', 'val' or 'test' for each window, in contiguous stretches.

    The recording is divided into `blocks` equal stretches, each of them into train, val and test in
    that
    order: one block tests on the end of the recording, several spread the test windows over it
        (against slow
    drift).
    """
    shares = validation.check_fractions(fractions)
    if blocks < 1 or n_windows < 3 * blocks:
        raise DataError(
            f"{n_windows} windows cannot be split into {blocks} block(s) of train, validation and "
            "test windows: use shorter windows or fewer blocks."
        )
    labels = [
        _block_labels(len(block), shares) for block in np.array_split(np.arange(n_windows), blocks)
    ]
    return np.concatenate(labels)


def _block_labels(n: int, shares: np.ndarray) -> np.ndarray:
    sizes = np.maximum(np.round(shares * n).astype(int), 1)
    sizes[np.argmax(sizes)] += n - sizes.sum()
    return np.repeat(SPLITS, sizes)
