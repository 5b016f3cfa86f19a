"""Flat tables of spikes in npz and MATLAB files: the same recording as from a text table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.readers.mat_files import cells, write_v5, write_v73
from undertow.data import TrialSet, load
from undertow.errors import DataError

RNG = np.random.default_rng(0)
NEURONS = RNG.integers(1, 5, 400)
TRIALS = RNG.integers(1, 7, 400)
TIMES = np.where(np.arange(400) == 0, 0.9999, RNG.uniform(0, 1, 400))
OPTIONS = {"align": "start_time", "window_s": (0, 1.0), "bin_s": 0.1}


def write_npz(path: Path, variables: dict[str, Any]) -> Path:
    np.savez(path.with_suffix(".npz"), **variables)
    return path.with_suffix(".npz")


def write_mat(path: Path, variables: dict[str, Any]) -> Path:
    return write_v5(path, {k: _column(v) for k, v in variables.items()})


def write_mat_73(path: Path, variables: dict[str, Any]) -> Path:
    return write_v73(path, {k: _column(v) for k, v in variables.items()})


def _column(values: Any) -> Any:
    text = np.asarray(values).dtype.kind == "U"
    return cells(list(values)) if text else np.asarray(values, float)[:, None]


@pytest.fixture(params=[write_npz, write_mat, write_mat_73], ids=["npz", "v5", "v7.3"])
def write(request: pytest.FixtureRequest) -> Callable[[Path, dict[str, Any]], Path]:
    return request.param


Write = Callable[[Path, dict[str, Any]], Path]


def table(**more: Any) -> dict[str, Any]:
    return {"neuron_ids": NEURONS, "spiketimes": TIMES, "trial_ids": TRIALS, **more}


def expected() -> np.ndarray:
    shape = (6, 10, 4)
    found = np.zeros(shape)
    np.add.at(found, (TRIALS - 1, np.floor(TIMES * 10 + 1e-9).astype(int), NEURONS - 1), 1)
    return found


def binned(path: Path, **more: Any) -> TrialSet:
    return load(path, **{**OPTIONS, **more})


def test_neurons_times_and_trials_become_counts(tmp_path: Path, write: Write) -> None:
    more = {"region": ["a", "a", "b", "b"], "condition": [1, 2, 1, 2, 1, 2]}
    trials = binned(write(tmp_path / "a.mat", table(**more)))
    np.testing.assert_array_equal(trials.spikes, expected())
    assert trials.neuron_ids.tolist() == [1, 2, 3, 4]
    assert trials.trial_ids.tolist() == [1, 2, 3, 4, 5, 6]
    assert trials.region.tolist() == ["a", "a", "b", "b"]
    assert trials.condition.tolist() == [1, 2, 1, 2, 1, 2]


def test_a_column_of_spikes_describes_neurons_or_trials(tmp_path: Path, write: Write) -> None:
    more = {"depth": 10 * NEURONS, "side": np.where(TRIALS % 2, "left", "right")}
    trials = binned(write(tmp_path / "b.mat", table(**more)), condition="side")
    assert trials.condition.tolist() == ["left", "right"] * 3


def test_times_in_milliseconds_are_told_by_their_name(tmp_path: Path, write: Write) -> None:
    variables = table(spike_times_ms=1e3 * TIMES)
    del variables["spiketimes"]
    np.testing.assert_array_equal(
        binned(write(tmp_path / "c.mat", variables)).spikes.sum(0).sum(0), expected().sum((0, 1))
    )


def test_without_trials_events_are_named(tmp_path: Path, write: Write) -> None:
    variables = {"unit": NEURONS, "spike_times": TIMES + TRIALS, "go": np.arange(1.0, 7.0)}
    trials = binned(write(tmp_path / "d.mat", variables), events="go", align="go")
    np.testing.assert_array_equal(trials.spikes, expected())
    with pytest.raises(DataError, match="has no array cue: there is"):
        load(write(tmp_path / "e.mat", variables), events="cue")


def test_trials_without_a_spike_are_there(tmp_path: Path, write: Write) -> None:
    kept = TRIALS != 4
    variables = {name: values[kept] for name, values in table().items()}
    variables["condition"] = [1, 2, 1, 2, 1, 2]
    first = 1
    path = write(tmp_path / "f.mat", variables)
    if path.suffix == ".npz":
        first = 0
        path = write(tmp_path / "f.mat", variables | {"trial_ids": TRIALS[kept] - 1})
    trials = binned(path)
    assert trials.trial_ids.tolist() == list(range(first, 6 + first))
    assert trials.spikes[3].sum() == 0


def test_counts_have_no_use_for_the_options_of_times(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "g", {"spikes": np.ones((2, 3, 4)), "bin_ms": 10})
    with pytest.raises(DataError, match="are counts: leave out align"):
        load(path, align="go")
