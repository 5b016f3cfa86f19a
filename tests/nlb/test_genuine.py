"""Tensors of a genuine file of the benchmark: the test part of MC_Maze_Small."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from undertow.nlb import make_tensors, nlb_set

NAME = "mc_maze_small_desc-test_ecephys.nwb"


@pytest.mark.filterwarnings("ignore:.*has no training trial")
@pytest.mark.parametrize("bin_ms", [5, 20])
def test_counts_equal_direct_binning(test_data: Callable[[str], Path], bin_ms: int) -> None:
    path = test_data(NAME)
    tensors = make_tensors(path, "mc_maze_small", bin_ms, "test")
    assert set(tensors.inputs) == {"eval_spikes_heldin"}
    assert not tensors.targets
    spikes = tensors.inputs["eval_spikes_heldin"]
    assert spikes.shape == (100, 700 // bin_ms, nlb_set("mc_maze_small").n_heldin)
    assert spikes.sum() == 32_897
    with h5py.File(path) as file:
        times, ends = file["units/spike_times"][:], file["units/spike_times_index"][:]
        starts_ms = np.round(file["intervals/trials/start_time"][:] * 1000).astype(int)
    for unit, unit_times in enumerate(np.split(times, ends[:-1])):
        for trial, start_ms in enumerate(starts_ms):
            edges = start_ms + np.arange(0, 701, bin_ms)
            expected = np.histogram(np.floor(unit_times * 1000 + 1e-6), edges - 0.5)[0]
            np.testing.assert_array_equal(spikes[trial, :, unit], expected)
