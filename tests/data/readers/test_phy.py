"""Phy and Kilosort folders: clusters kept, seconds, events, and a params.py that is never run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from undertow.cli.app import app
from undertow.data import Recording, describe, load, read_phy
from undertow.data.readers.events import event_columns
from undertow.data.readers.phy import read_recording
from undertow.data.readers.text_tables import read_text_table
from undertow.errors import DataError, DataWarning

RATE_HZ = 30000.0
CLUSTERS = (2, 5, 7, 9)
SECONDS = {
    cluster: np.sort(np.random.default_rng(cluster).uniform(0, 20, 150 + cluster))
    for cluster in CLUSTERS
}
PARAMS = """dat_path = r'C:\\data\\raw.bin'
n_channels_dat = 4
dtype = 'int16'
offset = 0
sample_rate = 30000.
hp_filtered = False
open('{trap}', 'w').write('this must never run')
"""
INFO = (
    "cluster_id\tKSLabel\tch\tdepth\tgroup\tn_spikes\tregion\n"
    "2\tgood\t0\t120.0\t\t1\tCA1\n"
    "5\tmua\t1\t240.0\tgood\t2\tCA1\n"
    "7\tgood\t2\t360.0\tnoise\t3\tCA3\n"
    "8\tgood\t2\t360.0\t\t0\tCA3\n"
    "9\tgood\t3\t480.0\tunsorted\t4\tCA3\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "sorted.ks4"
    path.mkdir()
    samples = np.concatenate([np.round(times * RATE_HZ) for times in SECONDS.values()]).astype(
        np.uint64
    )
    clusters = np.concatenate([np.full(times.size, k) for k, times in SECONDS.items()]).astype(
        np.int32
    )
    order = np.argsort(samples, kind="stable")
    np.save(path / "spike_times.npy", samples[order][:, None])
    np.save(path / "spike_clusters.npy", clusters[order])
    (path / "params.py").write_text(PARAMS.format(trap=(tmp_path / "trap").as_posix()))
    (path / "cluster_info.tsv").write_text(INFO)
    return path


def test_good_clusters_in_seconds_with_their_columns(folder: Path) -> None:
    recording = Recording.from_phy(folder)
    assert recording.unit_ids.tolist() == [
        2,
        5,
        9,
    ]  # by hand first, Kilosort's label where there is none
    for unit, times in zip(recording.unit_ids.tolist(), recording.spike_times, strict=True):
        np.testing.assert_allclose(times, SECONDS[unit], atol=0.5 / RATE_HZ + 1e-12)
    assert recording.units["region"].tolist() == ["CA1", "CA1", "CA3"]
    assert recording.units["channel"].tolist() == [0, 1, 3]
    assert recording.units["depth"].tolist() == [120.0, 240.0, 480.0]
    assert recording.units["n_spikes"].tolist() == [152, 155, 159]
    assert recording.units["group"].tolist() == ["good"] * 3


def test_params_is_parsed_and_never_run(folder: Path) -> None:
    read_recording(folder)
    assert not (folder.parent / "trap").exists()
    for text in (
        "rate = 3\n",
        "sample_rate = 30 * 1000\n",
        "sample_rate = get()\n",
        "sample_rate = (\n",
    ):
        (folder / "params.py").write_text(text)
        with pytest.raises(DataError, match=r"params\.py has no line `sample_rate = <number>`"):
            read_recording(folder)
    assert read_recording(folder, sample_rate_hz=RATE_HZ).n_units == 3


@pytest.mark.parametrize(
    ("units", "ids"),
    [
        ("group!=noise", [2, 5, 9]),
        ("n_spikes>0", [2, 5, 7, 9]),
        ("KSLabel==good and depth>200", [7, 9]),
        ([9, 7], [9, 7]),
    ],
)
def test_other_clusters_on_request(folder: Path, units: Any, ids: list[int]) -> None:
    assert read_recording(folder, units=units).unit_ids.tolist() == ids


def test_tables_as_kilosort_leaves_them(folder: Path) -> None:
    (folder / "cluster_info.tsv").unlink()
    (folder / "cluster_KSLabel.tsv").write_text(
        "cluster_id\tKSLabel\n2\tmua\n5\tgood\n7\tgood\n9\tmua\n"
    )
    assert read_recording(folder).unit_ids.tolist() == [5, 7]
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n9\tgood\n7\tmua\n")
    assert read_recording(folder).unit_ids.tolist() == [5, 9]
    (folder / "cluster_depth.tsv").write_text("cluster_id\tdepth\n9\t30.5\n")
    np.testing.assert_array_equal(read_recording(folder).units["depth"], [np.nan, 30.5])
    for name in ("KSLabel", "group", "depth"):
        (folder / f"cluster_{name}.tsv").unlink()
    with pytest.warns(DataWarning, match=r"has no cluster labels .* all clusters are kept"):
        assert read_recording(folder).n_units == 4


def test_before_phy_the_templates_are_the_clusters(folder: Path) -> None:
    (folder / "spike_clusters.npy").rename(folder / "spike_templates.npy")
    assert read_recording(folder).unit_ids.tolist() == [2, 5, 9]


def test_without_events_the_folder_is_cut_into_windows(folder: Path) -> None:
    trials = load(folder, bin_s=0.1, cut_s=0.5)
    assert trials.n_time == 5
    assert set(trials.split.tolist()) == {"train", "val", "test"}
    assert trials.region.tolist() == ["CA1", "CA1", "CA3"]
    with pytest.raises(DataError, match="has no trials or events, which align would need"):
        load(folder, align="go")


def test_events_in_the_folder_are_the_trials(folder: Path) -> None:
    rows = [
        f"{k},{k + 0.4},{'left' if k % 4 else 'right'},{'' if k == 4 else k + 0.1}"
        for k in range(0, 20, 2)
    ]
    (folder / "events.csv").write_text("\n".join(["start_time,stop_time,side,go", *rows]))
    trials = load(folder, bin_s=0.1, window_s=(0.0, 0.4), condition="side")
    edges = np.arange(0, 20, 2)[:, None] + np.arange(5) * 0.1
    counts = [np.histogram(SECONDS[5], row)[0] for row in edges]
    np.testing.assert_array_equal(trials.spikes[:, :, 1], counts)
    assert trials.condition.tolist() == ["right", "left"] * 5
    with pytest.warns(DataWarning, match="1 of 10 trials have no time in 'go'"):
        assert load(folder, align="go", window_s=(0.0, 0.2)).n_trials == 9


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 2)])
def test_events_from_arrays(folder: Path, shape: tuple[int, ...]) -> None:
    times = np.arange(8.0)[: np.prod(shape)].reshape(shape)
    np.save(folder / "go.npy", times)
    for events in (times, folder / "go.npy"):
        trials = read_phy(folder, events=events, window_s=(0.0, 0.5), bin_s=0.1)
        assert (trials.n_trials, trials.event) == (4, "start_time" if shape == (4, 2) else "event")


def test_describe_a_folder(folder: Path) -> None:
    (folder / "trials.tsv").write_text("start_time\tcue\n1.0\ta\n2.0\tb\n3.0\ta\n")
    found = describe(folder, window_s=(0.0, 1.0))
    assert found["kind"] == "Phy or Kilosort folder"
    assert found["trial_columns"] == ["start_time", "cue"]
    assert {"group", "KSLabel", "channel", "depth", "region", "n_spikes"} == set(
        found["unit_columns"]
    )
    assert found["neurons"] == 3


@pytest.mark.usefixtures("no_report")
def test_a_folder_on_the_command_line(folder: Path, tmp_path: Path) -> None:
    np.save(folder / "events.npy", np.arange(0, 20, 0.5))
    words = ["--align", "event", "--window=0,0.4", "--bin-ms", "50", "--units", "group!=noise"]
    info = CliRunner().invoke(app, ["info", str(folder), *words])
    assert info.exit_code == 0, info.output
    assert "Phy or Kilosort folder" in info.stdout
    model = [
        "--model",
        "smoothing",
        "--heldout",
        "1",
        "--set",
        "width_s=0.1",
        "--set",
        "floor_hz=1",
    ]
    model += ["--set", "penalty=1.0", "--quiet"]
    fit = CliRunner().invoke(
        app, ["fit", str(folder), "--out", str(tmp_path / "run"), *words, *model]
    )
    assert fit.exit_code == 0, fit.output
    assert (tmp_path / "run" / "scores.json").is_file()


def test_what_is_wrong_in_a_folder_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a folder without spike_times"):
        load(tmp_path)
    with pytest.raises(
        DataError, match="Phy folders have no option behavior: there is units, events"
    ):
        load(folder, behavior="x")
    (folder / "cluster_info.tsv").write_text("cluster_id\tgroup\n2\tmua\n5\tnoise\n7\tmua\n")
    with pytest.raises(
        DataError, match=r"no cluster labelled good: there is no label \(1\), mua \(2\), noise"
    ):
        load(folder)
    (folder / "cluster_info.tsv").write_text("name\tgroup\n2\tmua\n")
    with pytest.raises(
        DataError, match=r"no column cluster_id of whole numbers: there is name, group"
    ):
        load(folder)
    (folder / "cluster_info.tsv").unlink()
    np.save(folder / "spike_clusters.npy", np.zeros(3, int))
    with pytest.raises(
        DataError, match=r"spike_times\.npy has 623 spikes and spike_clusters\.npy 3"
    ):
        load(folder)
    (folder / "spike_clusters.npy").unlink()
    with pytest.raises(DataError, match=r"spike_clusters\.npy is not there"):
        load(folder)
    whole = (folder / "spike_times.npy").read_bytes()
    for content in (whole[: len(whole) // 2], b"text", whole[:20]):
        (folder / "spike_times.npy").write_bytes(content)
        with pytest.raises(DataError, match=r"spike_times\.npy cannot be read as \.npy"):
            load(folder)
    (folder / "params.py").unlink()
    with pytest.raises(DataError, match=r"params\.py is not there"):
        load(folder)


def test_text_tables(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("\ufefftime, side,trial,empty\n0.5,left,1,\nNaN,,2,\n")
    table = read_text_table(path)
    np.testing.assert_array_equal(table["time"], [0.5, np.nan])
    assert table["side"].tolist() == ["left", ""]
    assert table["trial"].dtype == np.int64
    assert table["empty"].tolist() == ["", ""]
    for text, message in (
        ("0.5\n1.5\n", "must begin with a line of column names"),
        ("a,b\n1\n", "1 entries in row 2: there are 2 columns"),
        ("a,a\n1,2\n", "all different"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=message):
            read_text_table(path)
    with pytest.raises(DataError, match=r"events have shape \(2, 3\)"):
        event_columns(np.ones((2, 3)))
    structured = np.array([(1.0, 2)], [("go", float), ("side", int)])
    assert list(event_columns(structured)) == ["go", "side"]
