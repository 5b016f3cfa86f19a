"""NWB files that are open, held by pynwb or somewhere else: the trials of the file by its path."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from tests.data.readers.ranges import served
from undertow.data import Recording, TrialSet
from undertow.data.readers.nwb import list_contents
from undertow.errors import DataError
from undertow.experiments.identity import fingerprint

RNG = np.random.default_rng(0)
TRIALS = {"start_time": np.arange(1.0, 9), "stop_time": np.arange(1.5, 9), "side": list("lrlrlrlr")}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    times = np.arange(0, 10, 0.01)
    return write_nwb(
        tmp_path_factory.mktemp("nwb") / "session.nwb",
        [np.sort(RNG.uniform(0, 10, 100)) for _ in range(4)],
        TRIALS,
        obs_intervals=[np.array([[0.0, 10.0]])] * 4,
        series={"hand_vel": (times, np.stack([times, -times], axis=1))},
        locations=["M1", "PMd", "M1", "PMd"],
    )


def read(source: Any) -> TrialSet:
    return TrialSet.from_nwb(source, 0.05, condition="side", behavior="hand_vel")


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    with h5py.File(path) as file:
        yield file
        assert file


@contextmanager
def open_pynwb(path: Path) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pynwb import NWBHDF5IO

        with NWBHDF5IO(str(path), "r") as reader:
            yield reader.read()


@contextmanager
def read_and_closed(path: Path) -> Iterator[Any]:
    with open_pynwb(path) as held:
        pass
    yield held


@contextmanager
def binary_file(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        yield file
        assert not file.closed


@contextmanager
def in_memory(path: Path) -> Iterator[Any]:
    yield io.BytesIO(path.read_bytes())


@contextmanager
def through_fsspec(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open(f"file://{path}", "rb") as file:
        yield file


@contextmanager
def through_remfile(path: Path) -> Iterator[Any]:
    remfile = pytest.importorskip("remfile")
    with served(path) as remote:
        yield remfile.File(remote.url)


@contextmanager
def through_fsspec_http(path: Path) -> Iterator[Any]:
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    with served(path) as remote, fsspec.open(remote.url, "rb", block_size=2**12) as file:
        yield file


SOURCES = (
    open_hdf5,
    open_pynwb,
    read_and_closed,
    binary_file,
    in_memory,
    through_fsspec,
    through_remfile,
    through_fsspec_http,
)


@pytest.mark.parametrize("opened", SOURCES, ids=lambda each: each.__name__)
def test_the_same_trials_come_from_every_source(opened: Any, path: Path) -> None:
    expected = read(path)
    with opened(path) as source:
        found = read(source)
        again = Recording.from_nwb(source)
        contents = list_contents(source)
    assert fingerprint(found) == fingerprint(expected)
    assert found.region.tolist() == expected.region.tolist()
    assert again.n_units == 4
    assert contents == list_contents(path)


def test_what_was_never_written_is_read(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from datetime import UTC, datetime

        from pynwb import NWBFile

        held = NWBFile("a test", "test", datetime(2024, 1, 1, tzinfo=UTC))
        for row in range(3):
            held.add_unit(spike_times=np.arange(0.05 + row / 100, 5, 0.1))
        for start in range(4):
            held.add_trial(start_time=float(start), stop_time=start + 1.0)
    trials = TrialSet.from_nwb(held, 0.1)
    assert trials.shape == (4, 10, 3)
    assert np.nansum(trials.spikes) == 4 * 10 * 3


def test_of_a_remote_file_only_what_is_needed_is_fetched(tmp_path: Path) -> None:
    remfile = pytest.importorskip("remfile")
    path = write_nwb(
        tmp_path / "large.nwb",
        [np.sort(RNG.uniform(0, 10, 40_000)) for _ in range(30)],
        TRIALS,
    )
    with served(path) as remote:
        found = Recording.from_nwb(remfile.File(remote.url), units=[3])
    assert found.n_units == 1
    assert sum(remote.sizes) < 0.5 * path.stat().st_size


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: 3, "3 is no NWB file: an NWB file is given by its path"),
        (lambda path: io.BytesIO(b"nothing of the kind"), "BytesIO given"),
        (lambda path: io.BytesIO(path.read_bytes()[:5000]), "BytesIO given"),
        (lambda path: h5py.File(path.with_name("plain.h5"), "w"), "no nwb_version"),
    ],
)
def test_what_is_no_nwb_file_is_said(make: Any, words: str, path: Path) -> None:
    with pytest.raises(DataError, match=words):
        TrialSet.from_nwb(make(path), 0.05)


def test_a_closed_file_is_said(path: Path) -> None:
    with h5py.File(path) as file:
        pass
    with pytest.raises(DataError, match="closed"):
        TrialSet.from_nwb(file, 0.05)
