"""Folders as sorters and their users leave them, and damaged ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.data import Recording, load
from undertow.data.readers.events import event_columns
from undertow.data.readers.phy import read_recording
from undertow.data.readers.text_tables import read_npy, read_text_table
from undertow.errors import DataError, DataWarning

RNG = np.random.default_rng(1)
CLUSTERS = RNG.integers(0, 4, 400)
SAMPLES = np.sort(RNG.integers(0, 600_000, 400))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as Kilosort 4 writes it: its label in both tables, a copy under another name."""
    path = tmp_path / "session" / "kilosort4"
    path.mkdir(parents=True)
    np.save(path / "spike_times.npy", SAMPLES)
    for name in ("spike_clusters", "spike_templates"):
        np.save(path / f"{name}.npy", CLUSTERS.astype(np.int32))
    (path / "params.py").write_text(
        "dat_path = '/data/raw.bin'\nn_channels_dat = 385\ndtype = 'int16'\noffset = 0\n"
        "sample_rate = 30000.0\nhp_filtered = False\n"
    )
    labels = "cluster_id\tKSLabel\n0\tgood\n1\tmua\n2\tgood\n3\tgood\n"
    (path / "cluster_KSLabel.tsv").write_text(labels)
    (path / "cluster_group.tsv").write_text(labels)
    (path / "cluster_Amplitude.tsv").write_text("cluster_id\tAmplitude\n0\t9.1\n1\t8.0\n2\t7.5\n")
    (path / "cluster_ContamPct.tsv").write_text("cluster_id\tContamPct\n0\t0.0\n1\t90.1\n2\t3.0\n")
    (path / "ops.npy").write_bytes(b"never read")
    return path


def units_of(folder: Path) -> list[int]:
    return read_recording(folder).unit_ids.tolist()


def test_a_folder_of_kilosort_4(folder: Path) -> None:
    recording = Recording.from_phy(folder)
    assert recording.unit_ids.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(recording.units["Amplitude"], [9.1, 7.5, np.nan])
    np.testing.assert_allclose(recording.spike_times[1], SAMPLES[CLUSTERS == 2] / 30000)
    with pytest.raises(DataError, match=r"without spike_times\.npy: .* such as .*/kilosort4\."):
        load(folder.parent)


@pytest.mark.parametrize(
    ("group", "ids"),
    [
        ("cluster_id\tgroup\n", [0, 2, 3]),  # Phy opened, nothing labelled
        ("cluster_id\tgroup\n0\tnan\n1\tgood\n2\tnan\n3\tnan\n", [0, 1, 2, 3]),
        ("cluster_id\tgroup\n0\tnan\n1\tnan\n2\tnan\n3\tnan\n", [0, 2, 3]),
        ("cluster_id\tgroup\n0.0\tnoise\n1.0\tgood\n", [1, 2, 3]),
        ("cluster_id\tgroup\n0\tunsorted\n1\t\n2\tmua\n", [0, 3]),
    ],
)
def test_labels_by_hand_and_by_the_sorter(folder: Path, group: str, ids: list[int]) -> None:
    (folder / "cluster_group.tsv").write_text(group)
    assert units_of(folder) == ids


def test_without_any_label_all_are_kept(folder: Path) -> None:
    (folder / "cluster_KSLabel.tsv").unlink()
    (folder / "cluster_group.tsv").write_text("cluster_id\tgroup\n0\tnan\n")
    with pytest.warns(DataWarning, match="has no cluster labels"):
        assert units_of(folder) == [0, 1, 2, 3]


def test_stray_tables_of_metrics_are_read_or_left_out(folder: Path) -> None:
    (folder / "cluster_snr.tsv").write_text("cluster_id\tsnr\n0.0\t1.5\n2.0\t2.5\n\t9\n")
    np.testing.assert_array_equal(read_recording(folder).units["snr"], [1.5, 2.5, np.nan])
    for text in ("metric\tvalue\na\t1\n", "cluster_id\tx\n0.5\t1\n", "cluster_id\tx\n1\n"):
        (folder / "cluster_snr.tsv").write_text(text)
        with pytest.warns(DataWarning, match=r"cluster_snr\.tsv .*It is left out"):
            assert units_of(folder) == [0, 2, 3]


@pytest.mark.parametrize(
    "text",
    [
        "dat_path = 'C:\\Users\\me\\raw.bin'\nsample_rate = 30000.\n",
        "dat_path = 'C:\\data\\'\nsample_rate=30000\n",
        "dat_path = ['a',\n 'b']\nsample_rate = 3e4  # Hz\r\n",
        "sample_rate = np.float64(30000.0)\n",
        "sample_rate: float = '30000'\n",
        "sample_rate = 1\nsample_rate = 30000\n",
    ],
)
def test_params_of_any_system(folder: Path, text: str) -> None:
    (folder / "params.py").write_text(text)
    assert read_recording(folder).spike_times[0].max() < 20.0


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("spike_times", np.append(SAMPLES[1:], 10**16), r"sample 10000000000000000, 3\.33e\+11 s"),
        ("spike_times", -SAMPLES - 1, "are left out|all samples in spike_times.npy are negative"),
        ("spike_times", SAMPLES / 30000, r"holds [0-9.]+: it must hold whole numbers \(samples"),
        ("spike_times", np.full(400, np.nan), "holds nan: it must hold whole numbers"),
        ("spike_times", np.full(400, 1e300), "holds 1e.300: the file is damaged"),
        ("spike_times", np.full(400, 2**64 - 1, np.uint64), "the file is damaged"),
        ("spike_times", np.array(["a"] * 400), "has dtype <U1: it must hold whole numbers"),
        ("spike_times", SAMPLES + 0j, "has dtype complex128"),
        ("spike_clusters", CLUSTERS + 0.5, "holds [0-3].5: it must hold whole numbers"),
        ("spike_clusters", CLUSTERS[:7], "has 400 spikes and spike_clusters.npy 7"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*before the recording")
def test_wrong_spikes_are_named(folder: Path, name: str, values: Any, message: str) -> None:
    np.save(folder / f"{name}.npy", values)
    with pytest.raises(DataError, match=message) as caught:
        read_recording(folder)
    assert "\n" not in str(caught.value)


def test_spikes_before_the_recording_are_left_out(folder: Path) -> None:
    np.save(folder / "spike_times.npy", SAMPLES - 30_000)
    with pytest.warns(DataWarning, match=r"of 400 spikes lie before the recording"):
        recording = read_recording(folder)
    assert min(times.min() for times in recording.spike_times) >= 0


def npy(header: bytes, version: bytes = b"\x01\x00") -> bytes:
    header = header.ljust(118) + b"\n"
    return b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header + bytes(800)


HEADERS = {
    "a shape of True": b"{'descr': '<i8', 'fortran_order': False, 'shape': (True, 10), }",
    "an open bracket": b"{'descr': '<i8', 'fortran_order': False, 'shape': (100, ",
    "an open string": b"{'descr': '<i8",
    "exabytes": b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000000000,), }",
    "too many axes": b"{'descr': '<i8', 'fortran_order': False, 'shape': (" + b"1," * 70 + b"), }",
    "negative": b"{'descr': '<i8', 'fortran_order': False, 'shape': (-100,), }",
    "objects": b"{'descr': '|O', 'fortran_order': False, 'shape': (100,), }",
    "no dtype": b"{'descr': 'zz9', 'fortran_order': False, 'shape': (100,), }",
    "nothing": b"",
    "no utf": b"\xff\xfe\x00{",
    "nested": b"(" * 110,
}


@pytest.mark.parametrize("name", HEADERS)
@pytest.mark.parametrize("version", [b"\x01\x00", b"\x03\x00", b"\x09\x00"])
def test_damaged_headers_are_a_sentence(folder: Path, name: str, version: bytes) -> None:
    (folder / "spike_times.npy").write_bytes(npy(HEADERS[name], version))
    with pytest.raises(DataError, match=r"spike_times\.npy cannot be read as \.npy") as caught:
        read_npy(folder / "spike_times.npy")
    assert len(str(caught.value)) < 600


def test_events_are_plain_times_or_columns() -> None:
    for events, message in (
        ([[1, 2], [3]], "differ in length"),
        (np.array([1j]), "dtype complex128"),
        (np.array(["2024-01-01"], "M8[D]"), "dtype datetime64"),
        (np.zeros(2, [("a", "f8", 3)]), "have the fields a: none holds one number or text"),
        (np.float64(3.0), r"events have shape \(\)"),
    ):
        with pytest.raises(DataError, match=message):
            event_columns(events)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("a;b\n1;2\n", "i"), ("a\tb\n1\t2\n", "i"), ("a|b\ntrue|2\n", "b"), ("a,b\n1e3,\n", "f")],
)
def test_delimiters_and_kinds(tmp_path: Path, text: str, kind: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    table = read_text_table(tmp_path / "t.csv")
    assert list(table) == ["a", "b"]
    assert table["a"].dtype.kind == kind


def test_utf_16_of_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("go,seite\n0.5,über\n", encoding="utf-16")
    assert read_text_table(tmp_path / "t.csv")["seite"].tolist() == ["über"]
