"""MATLAB files: the same trials from version 5 and 7.3, counts and spike times, every axis order,
clear errors."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.readers.mat_files import cells, write_v5, write_v73
from undertow.data import Recording, TrialSet, describe, load, read_mat
from undertow.data.readers.mat import read_recording
from undertow.data.readers.mat.variables import list_variables
from undertow.errors import DataError

Write = Callable[[Path, dict[str, Any]], Path]
RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(1.0, (6, 8, 5)).astype(float)
VELOCITY = RNG.normal(size=(6, 8, 2))
SPEED = RNG.normal(size=(6, 8))
TIMES = [np.sort(RNG.uniform(0, 12, 200)) for _ in range(4)]
STARTS = np.arange(0.0, 12.0, 2.0)


@pytest.fixture(params=[write_v5, write_v73], ids=["v5", "v7.3"])
def write(request: pytest.FixtureRequest) -> Write:
    return request.param


def counts_variables() -> dict[str, Any]:
    return {
        "spikes": COUNTS,
        "bin_ms": 10.0,
        "condition": cells(["left", "right", "left", "right", "left", "right"]),
        "hand_vel": VELOCITY,
        "speed": SPEED,
        "region": cells(["M1", "M1", "PMd", "PMd", "PMd"]),
        "heldout": np.array([[False, True, False, False, False]]),
        "neuron_ids": np.array([[3.0, 5.0, 7.0, 9.0, 11.0]]),
        "start_s": -0.02,
        "event": "go cue",
        "note": {"by": "me"},
    }


def time_variables() -> dict[str, Any]:
    units = [
        {"times": times[None], "region": region, "depth": float(k)}
        for k, (times, region) in enumerate(zip(TIMES, ["CA1", "CA1", "CA3", "CA3"], strict=True))
    ]
    trials = {
        "start_time": STARTS[:, None],
        "stop_time": STARTS[:, None] + 1.0,
        "side": cells(["l", "r", "l", "r", "l", "r"]),
        "experimenter": "me",
    }
    eye = {
        "time": np.arange(0, 12, 0.01)[None],
        "position": np.stack([np.arange(0, 12, 0.01)] * 2, axis=1),
    }
    return {"session": {"units": units, "trials": trials, "eye": eye}}


def same(one: TrialSet, other: TrialSet) -> None:
    for name in (
        "spikes",
        "behavior",
        "condition",
        "region",
        "neuron_ids",
        "heldout",
        "lengths",
        "trial_ids",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("bin_s", "start_s", "event", "behavior_names"):
        assert getattr(one, name) == getattr(other, name)


def test_counts_arrive_with_all_that_goes_with_them(tmp_path: Path, write: Write) -> None:
    trials = load(write(tmp_path / "a.mat", counts_variables()))
    np.testing.assert_array_equal(trials.spikes, COUNTS)
    assert (trials.bin_s, trials.start_s, trials.event) == (0.01, -0.02, "go cue")
    assert trials.condition.tolist() == ["left", "right"] * 3
    assert trials.region.tolist() == ["M1", "M1", "PMd", "PMd", "PMd"]
    assert trials.heldout.tolist() == [False, True, False, False, False]
    assert trials.neuron_ids.tolist() == [3, 5, 7, 9, 11]
    assert trials.neuron_ids.dtype == np.int64
    assert trials.behavior_names == ("hand_vel_x", "hand_vel_y", "speed")
    np.testing.assert_allclose(trials.behavior, np.dstack([VELOCITY, SPEED]), rtol=1e-6)
    rebinned = TrialSet.from_mat(
        tmp_path / "a.mat", bin_s=0.02, stimulus="speed", label="condition"
    )
    assert rebinned.n_time == 4
    assert rebinned.stimulus_names == ("speed",)
    assert rebinned.behavior_names == ("hand_vel_x", "hand_vel_y")
    assert rebinned.labels["condition"].tolist() == ["left", "right"] * 3


def test_version_5_and_7_3_give_the_same_trials(tmp_path: Path) -> None:
    one, other = (
        w(tmp_path / f"{w.__name__}.mat", counts_variables()) for w in (write_v5, write_v73)
    )
    same(read_mat(one), read_mat(other))
    one, other = (
        w(tmp_path / f"{w.__name__}t.mat", time_variables()) for w in (write_v5, write_v73)
    )
    options = {"spikes": "session.units.times", "behavior": "eye", "condition": "side"}
    same(read_mat(one, **options), read_mat(other, **options))


@pytest.mark.parametrize(
    "axes", ["neurons,time,trials", "time,trials,neurons", "trials, neurons, time"]
)
def test_every_order_of_the_axes(tmp_path: Path, write: Write, axes: str) -> None:
    order = [["trials", "time", "neurons"].index(word.strip()) for word in axes.split(",")]
    variables = {
        "counts": COUNTS.transpose(order),
        "hand_vel": VELOCITY.transpose(order),
        "bin_s": 0.01,
    }
    trials = read_mat(write(tmp_path / "a.mat", variables), axes=axes)
    np.testing.assert_array_equal(trials.spikes, COUNTS)
    np.testing.assert_allclose(trials.behavior, VELOCITY, rtol=1e-6)


def test_fields_of_structs_are_named_with_dots(tmp_path: Path, write: Write) -> None:
    data = {"raster": COUNTS, "target": np.array([[1.0, 2, 1, 2, 1, 2]]), "kin": {"vel": VELOCITY}}
    path = write(tmp_path / "a.mat", {"data": data, "bin_ms": 5.0})
    trials = read_mat(path, spikes="data.raster", behavior="kin.vel")
    assert trials.condition.tolist() == [1, 2] * 3
    assert trials.behavior_names == ("kin.vel_x", "kin.vel_y")
    assert trials.bin_s == 0.005
    assert "data.kin.vel (6, 8, 2)" in list_variables(path)


def test_one_matrix_per_trial_gives_trials_of_different_length(
    tmp_path: Path, write: Write
) -> None:
    lengths = [8, 5, 7, 8, 3, 6]
    dat = [{"trialId": float(k), "spikes": COUNTS[k, :n].T} for k, n in enumerate(lengths)]
    trials = read_mat(
        write(tmp_path / "a.mat", {"dat": dat}), axes="trials,neurons,time", file_bin_s=0.001
    )
    assert trials.lengths.tolist() == lengths
    for k, n in enumerate(lengths):
        np.testing.assert_array_equal(trials.spikes[k, :n], COUNTS[k, :n])
        assert np.isnan(trials.spikes[k, n:]).all()


def test_spike_times_are_binned_around_events(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "a.mat", time_variables())
    options = {
        "spikes": "session.units.times",
        "window_s": (0.0, 0.5),
        "condition": "side",
        "behavior": "eye",
    }
    trials = read_mat(path, bin_s=0.1, **options)
    edges = STARTS[:, None] + np.arange(6) * 0.1
    for unit, times in enumerate(TIMES):
        for trial in range(6):
            expected = np.histogram(times, edges[trial])[0]
            np.testing.assert_array_equal(trials.spikes[trial, :, unit], expected)
    assert trials.condition.tolist() == ["l", "r"] * 3
    assert trials.region.tolist() == ["CA1", "CA1", "CA3", "CA3"]
    np.testing.assert_allclose(trials.behavior[..., 0], edges[:, :-1] + 0.05, atol=1e-5)
    assert (
        read_mat(path, spikes="session.units.times", units="depth>=2 and region==CA3").n_neurons
        == 2
    )
    assert isinstance(read_recording(path, "session.units.times", signals="eye"), Recording)


def test_cells_of_spike_times_with_a_vector_of_events(tmp_path: Path, write: Write) -> None:
    variables = {
        "spike_times": cells([TIMES[0][:, None], TIMES[1][None], np.zeros((0, 0))]),
        "go": STARTS[None],
    }
    path = write(tmp_path / "a.mat", {**variables, "unit_ids": np.array([[4.0, 2.0, 9.0]])})
    with pytest.warns(UserWarning, match=r"never spike .* 9"):
        trials = read_mat(path, bin_s=0.1, events="go", window_s=(0.0, 0.5))
    assert trials.event == "go"
    assert trials.neuron_ids.tolist() == [4, 2, 9]
    assert trials.spikes[..., 0].sum() == sum(
        np.histogram(TIMES[0], [s, s + 0.5])[0][0] for s in STARTS
    )


def test_a_cell_array_of_structs_reads_as_a_struct_array(tmp_path: Path, write: Write) -> None:
    session = time_variables()["session"]
    structs, boxed = (
        read_mat(
            write(tmp_path / f"{k}.mat", {"units": units, "trials": session["trials"]}),
            spikes="units.times",
        )
        for k, units in enumerate((session["units"], cells(session["units"])))
    )
    same(structs, boxed)
    mixed = write(
        tmp_path / "c.mat", {"units": cells([{"a": 1.0}, {"b": 1.0}, "text"]), "spikes": COUNTS}
    )
    assert "units cell (1, 3)" in list_variables(mixed)


def test_without_events_the_recording_is_cut(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "a.mat", {"spike_times": cells(TIMES), "one": 1.0})
    trials = read_mat(path, bin_s=0.05, cut_s=0.5)
    assert set(trials.split.tolist()) == {"train", "val", "test"}
    assert trials.n_time == 10
    with pytest.raises(DataError, match=r"no trials or events, which align would need"):
        read_mat(path, align="go")


WRONG = [
    ({"spikes": COUNTS[0]}, {}, r"numbers of shape \(8, 5\): it must be counts with three axes"),
    (
        {"spikes": COUNTS, "bin_ms": 5.0, "condition": np.ones((1, 5))},
        {},
        r"condition has shape \(5,\).*6 trials ×",
    ),
    ({"spikes": COUNTS}, {}, r"no bin width: save bin_ms"),
    ({"rates": COUNTS}, {}, r"no variable named spikes.*there is rates"),
    ({"rates": COUNTS}, {"spikes": "data.rates"}, "no variable 'data.rates': there is rates"),
    (
        {"a": {"spikes": COUNTS}, "b": {"spikes": COUNTS}},
        {},
        r"holds a.spikes, b.spikes: choose one",
    ),
    (
        {"spikes": COUNTS, "bin_ms": 5.0},
        {"axes": "trials,time"},
        "it must name trials, time, neurons",
    ),
    ({"spikes": COUNTS, "bin_ms": 5.0}, {"align": "go"}, "holds counts: leave out align"),
    ({"spikes": COUNTS, "bin_ms": 5.0}, {"behavior": "hand"}, "no variable 'hand'"),
    (
        {"spikes": COUNTS, "bin_ms": 5.0, "x": np.ones((3, 3))},
        {"behavior": "x"},
        r"x in .* is \(3, 3\)",
    ),
    ({"spikes": cells(["a", "b"])}, {}, "spikes holds str in cell 1"),
    (
        {"spikes": np.vstack([cells([1.0, 2.0])] * 2)},
        {},
        r"cell array of 2 × 2 lists .* pass axes=",
    ),
    ({"spikes": cells([np.ones((4, 3)), np.ones((4, 2))])}, {}, "trials of 2, 3 neurons"),
    ({"spikes": cells(TIMES), "x": 1.0}, {"events": "go"}, "no variable or struct 'go' of events"),
    (
        {"spikes": cells(TIMES), "x": np.ones((2, 2))},
        {"events": "x"},
        "must hold one value per trial",
    ),
    ({"spikes": cells(TIMES), "x": 1.0}, {"behavior": "eye"}, "signal 'eye' in .* is not there"),
]


@pytest.mark.parametrize(("variables", "options", "message"), WRONG)
def test_wrong_files_are_refused_by_name(
    tmp_path: Path, write: Write, variables: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_mat(write(tmp_path / "a.mat", variables), **options)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_a_truncated_file_is_a_data_error(tmp_path: Path, write: Write, share: float) -> None:
    path = write(tmp_path / "a.mat", counts_variables())
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match=r"cannot be read|no variable named"):
        load(path)


def test_describe_lists_the_variables(tmp_path: Path, write: Write) -> None:
    found = describe(write(tmp_path / "a.mat", counts_variables()))
    assert found["kind"] == "MATLAB"
    assert "spikes (6, 8, 5)" in found["arrays"]
    assert "note.by text (1,)" in found["arrays"] or "note.by text (1, 2)" in found["arrays"]
