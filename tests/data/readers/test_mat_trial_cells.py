"""MATLAB cell arrays of trials × neurons: which axis is which, empty cells, both clocks."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.readers.mat_files import cells, write_v5, write_v73
from undertow.data import TrialSet, load, read_mat
from undertow.errors import DataError

Write = Callable[[Path, dict[str, Any]], Path]
RNG = np.random.default_rng(0)
N_TRIALS, N_UNITS, LENGTH_S, BIN_S = 6, 4, 1.0, 0.1


@pytest.fixture(params=[write_v5, write_v73], ids=["v5", "v7.3"])
def write(request: pytest.FixtureRequest) -> Write:
    return request.param


def spike_times(start_s: float = 0.0) -> np.ndarray:
    """Trials × neurons, one row vector each; unit 2 never spikes in trials 0 to 2."""
    found = np.empty((N_TRIALS, N_UNITS), object)
    for trial, unit in np.ndindex(*found.shape):
        n = 0 if unit == 2 and trial < 3 else 12
        found[trial, unit] = trial * start_s + np.sort(RNG.uniform(0, LENGTH_S, (1, n)), axis=1)
    found[0, 0][0, -1] = 0.9999  # trials are as long as their last spike says
    return found


def counts(found: np.ndarray, start_s: float = 0.0) -> np.ndarray:
    edges = np.arange(0, LENGTH_S + BIN_S / 2, BIN_S)
    rows = [
        [np.histogram(cell.ravel() - trial * start_s, edges)[0] for cell in row]
        for trial, row in enumerate(found)
    ]
    return np.array(rows).transpose(0, 2, 1)


def binned(path: Path, **options: Any) -> TrialSet:
    options = {"align": "start_time", "window_s": (0, LENGTH_S), **options}
    return read_mat(path, bin_s=BIN_S, **options)


@pytest.mark.parametrize("turned", [False, True], ids=["trials-neurons", "neurons-trials"])
def test_axes_are_told_by_what_is_beside(tmp_path: Path, write: Write, turned: bool) -> None:
    found = spike_times()
    path = write(
        tmp_path / "a.mat",
        {
            "spikes": found.T if turned else found,
            "region": cells(["M1", "M1", "PMd", "PMd"]),
            "neuron_ids": np.array([[5.0, 3.0, 9.0, 7.0]]),
            "condition": cells(["l", "r"] * 3),
        },
    )
    trials = binned(path)
    np.testing.assert_array_equal(trials.spikes, counts(found))
    assert trials.neuron_ids.tolist() == [5, 3, 9, 7]
    assert trials.region.tolist() == ["M1", "M1", "PMd", "PMd"]
    assert trials.condition.tolist() == ["l", "r"] * 3


def test_axes_are_given_where_nothing_tells(tmp_path: Path, write: Write) -> None:
    found = spike_times()
    path = write(tmp_path / "b.mat", {"spikes": found})
    with pytest.raises(
        DataError, match=r"6 × 4 lists .* nothing beside it .*axes='neurons,trials'"
    ):
        load(path)
    trials = binned(path, axes="trials,neurons")
    np.testing.assert_array_equal(trials.spikes, counts(found))
    turned = binned(write(tmp_path / "c.mat", {"spikes": found.T}), axes="units, trials")
    np.testing.assert_array_equal(turned.spikes, counts(found))
    with pytest.raises(DataError, match="axes is 'time,trials': for cells of trials and neurons"):
        load(path, axes="time,trials")


def test_a_square_of_cells_needs_the_axes(tmp_path: Path, write: Write) -> None:
    variables = {"spikes": spike_times()[:4], "region": cells(["a", "b", "c", "d"])}
    with pytest.raises(DataError, match="4 × 4 lists"):
        load(write(tmp_path / "s.mat", variables))


def test_times_on_the_clock_of_the_recording(tmp_path: Path, write: Write) -> None:
    found = spike_times(3.0)
    found[1, :] = [np.zeros((0, 0))] * N_UNITS  # a trial without a spike
    trial_table = {"start_time": 3.0 * np.arange(N_TRIALS), "side": cells(list("lrlrlr"))}
    path = write(tmp_path / "r.mat", {"spikes": found, "trials": trial_table})
    trials = binned(path, condition="side")
    np.testing.assert_array_equal(trials.spikes, counts(found, 3.0))
    assert trials.condition.tolist() == list("lrlrlr")


def test_events_count_from_the_start_of_a_trial_as_spikes_do(tmp_path: Path, write: Write) -> None:
    found, go = spike_times(), np.array([0.2, 0.3, 0.2, 0.3, 0.2, 0.3])
    path = write(tmp_path / "g.mat", {"spikes": found, "trials": {"go": go}})
    trials = binned(path, align="go", window_s=(-0.2, 0.5))
    expected = counts(found)
    np.testing.assert_array_equal(trials.spikes[0], expected[0, :7])
    np.testing.assert_array_equal(trials.spikes[1], expected[1, 1:8])
    late = write(tmp_path / "l.mat", {"spikes": found, "trials": {"go": go + 9}})
    with pytest.raises(DataError, match=r"go is 9.2 s in a trial whose spikes count from 0 to"):
        binned(late, align="go")


def test_cells_that_are_no_lists_are_refused(tmp_path: Path, write: Write) -> None:
    found = spike_times()
    for wrong, message in (
        (np.ones((3, 4)), r"spikes in .* holds shape \(3, 4\) in a cell"),
        ("text", "spikes in .* holds str in a cell"),
    ):
        found[2, 1] = wrong
        path = write(tmp_path / "w.mat", {"spikes": found})
        with pytest.raises(DataError, match=message):
            read_mat(path, axes="trials,neurons")
