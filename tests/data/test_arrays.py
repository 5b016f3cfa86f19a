"""Continuous arrays cut into windows."""

import numpy as np
import pytest

from undertow.data import cut_windows
from undertow.data.splits import split_labels
from undertow.errors import DataError


def test_windows_are_the_array_in_order() -> None:
    counts = np.arange(103 * 2).reshape(103, 2)
    trials = cut_windows(
        counts, 0.01, window_s=0.1, behavior=counts[:, :1] / 2.0, neuron_ids=[5, 6]
    )
    assert trials.spikes.shape == (10, 10, 2)
    assert trials.spikes.reshape(100, 2).tolist() == counts[:100].tolist()
    assert trials.behavior.reshape(100).tolist() == (counts[:100, 0] / 2).tolist()
    assert trials.split.tolist() == ["train"] * 6 + ["val"] * 2 + ["test"] * 2
    assert trials.neuron_ids.tolist() == [5, 6]


def test_several_blocks_spread_the_test_windows() -> None:
    labels = split_labels(20, (0.6, 0.2, 0.2), blocks=2)
    assert labels.tolist() == (["train"] * 6 + ["val"] * 2 + ["test"] * 2) * 2


@pytest.mark.parametrize("n", [3, 4, 7, 50, 1001])
def test_no_part_is_empty_and_blocks_are_contiguous(n: int) -> None:
    labels = split_labels(n, (0.98, 0.01, 0.01))
    assert labels.size == n
    assert [labels[i] for i in np.flatnonzero(np.append(True, labels[1:] != labels[:-1]))] == [
        *("train", "val", "test"),
    ]


def test_what_cannot_be_cut_is_refused() -> None:
    counts = np.ones((100, 2))
    with pytest.raises(DataError, match=r"2 windows cannot be split into 1 block"):
        cut_windows(counts, 0.01, window_s=0.5)
    with pytest.raises(DataError, match="not a whole number of bins"):
        cut_windows(counts, 0.01, window_s=0.105)
    with pytest.raises(DataError, match="behavior has 99 bins: spikes has 100"):
        cut_windows(counts, 0.01, window_s=0.1, behavior=np.ones((99, 1)))
    with pytest.raises(DataError, match="spikes has 3 dimensions"):
        cut_windows(counts[None], 0.01, window_s=0.1)
    with pytest.raises(DataError, match="three numbers above 0"):
        cut_windows(counts, 0.01, window_s=0.1, fractions=(1.0, 0.0, 0.0))
