"""Spike tables in text files: columns by their usual names, trials, events, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from undertow.data import describe, load, read_spike_table
from undertow.data.readers.spike_files import list_spike_table, read_recording
from undertow.data.trialset import TrialSet
from undertow.errors import DataError

RNG = np.random.default_rng(3)
N = 400
UNIT, TRIAL = RNG.integers(0, 3, N), RNG.integers(0, 10, N)
TIME = np.round(RNG.uniform(0, 1, N), 4)


def write(path: Path, separator: str = ",", **columns: object) -> Path:
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    lines = [separator.join(columns), *(separator.join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def counted(trials: TrialSet) -> list[int]:
    return [int(trials.spikes[..., unit].sum()) for unit in range(trials.n_neurons)]


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_a_table_with_trials(tmp_path: Path, separator: str) -> None:
    region, side = np.array(["M1", "V1", "M1"])[UNIT], np.array(["left", "right"])[TRIAL % 2]
    path = write(
        tmp_path / "s.csv", separator, unit=UNIT, time=TIME, trial=TRIAL, region=region, side=side
    )
    trials = load(path, bin_s=0.1, condition="side")
    assert trials.shape == (10, 10, 3)
    assert counted(trials) == np.bincount(UNIT).tolist()
    expected = np.histogram(TIME[(UNIT == 1) & (TRIAL == 4)], np.arange(11) / 10)[0]
    assert trials.spikes[4, :, 1].tolist() == expected.tolist()
    assert trials.region.tolist() == ["M1", "V1", "M1"]
    assert trials.condition.tolist() == ["left", "right"] * 5
    chosen = load(path, bin_s=0.1, units="region==M1", trials="side==left")
    assert chosen.shape == (5, 10, 2)


@pytest.mark.parametrize(
    ("names", "scale"),
    [
        (("neuron_ids", "spiketimes", "trial_ids"), 1.0),
        (("Cluster ID", "Spike Time.ms", "Trial"), 1e3),
        (("id", "timestamp_us", "trial_number"), 1e6),
        (("unit", "t_s", "trial"), 1.0),
    ],
)
def test_usual_names_of_columns(tmp_path: Path, names: tuple, scale: float) -> None:
    path = write(
        tmp_path / "s.tsv", "\t", **dict(zip(names, (UNIT, TIME * scale, TRIAL), strict=True))
    )
    assert counted(read_spike_table(path, bin_s=0.1)) == np.bincount(UNIT).tolist()


def test_a_table_without_trials_is_cut_or_aligned(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.csv", neuron=np.char.add("n", UNIT.astype(str)), spike_time=TIME * 20
    )
    trials = load(path, bin_s=0.1)
    assert trials.neuron_ids.tolist() == ["n0", "n1", "n2"]
    assert set(trials.split.tolist()) == {"train", "val", "test"}
    events = write(tmp_path / "e.csv", go=np.arange(0, 19, 2.0), side=["l", "r"] * 5)
    aligned = load(path, bin_s=0.1, events=events, align="go", window_s=(0, 0.5), condition="side")
    assert aligned.shape == (10, 5, 3)
    with pytest.raises(DataError, match="has no trials or events, which align would need"):
        load(path, align="go")


def test_events_join_trials_by_their_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", unit=UNIT, time=TIME, trial=TRIAL)
    order = np.arange(10)[::-1]
    events = write(tmp_path / "e.csv", trial=order, choice=np.where(order > 4, "yes", "no"))
    trials = load(path, bin_s=0.1, events=events, label="choice")
    assert trials.labels["choice"].tolist() == ["no"] * 5 + ["yes"] * 5
    write(tmp_path / "e.csv", trial=[1, 2], choice=["a", "b"])
    with pytest.raises(DataError, match="the events have no trial 0, 3, 4"):
        load(path, events=events)


def test_what_a_table_offers(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", unit=UNIT, time=TIME, trial=TRIAL, depth=UNIT * 5)
    assert list_spike_table(path) == {
        "trial_columns": ["start_time", "stop_time"],
        "unit_columns": ["depth"],
    }
    assert describe(path, bin_s=0.1)["kind"] == "table of spikes"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column of neurons, named neuron_id, unit_id, cluster_id, neuron_ids"),
        ("unit,b\n1,2\n", "no column of spike times"),
        ("unit,time\n1,soon\n", "the column time must hold numbers, and 'soon' is none"),
        ("unit,time\n1,nan\n1,0.5\n", "1 NaN or infinite"),
        ("unit,time\n1.5,0.2\n", "neuron ids hold 1.5"),
        ("unit,time\n", "has no rows below its column names"),
        ("1,0.5\n", "must begin with a line of column names"),
        ("unit,time\n1,0.5,3\n", "3 entries in row 2"),
        ("unit,time\n1," + "9" * 3000, "holds a cell of 3000 characters"),
        ("unit,time\n1," + "9" * 200_000, "cannot be read as a text table"),
        ("unit,time\n1,1e400\n", "1 NaN or infinite"),
    ],
)
def test_what_is_no_table_of_spikes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read_recording(tmp_path / "s.csv")


@pytest.mark.parametrize(
    "content", [b"unit,time\n1,\xff\xfe\n", b"\x89HDF\r\n\x1a\n", b"\x00" * 40]
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"s\.csv"):
        load(tmp_path / "s.csv")
