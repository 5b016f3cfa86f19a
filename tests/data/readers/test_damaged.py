"""Damaged NWB files, folders and tables, by the hundred: read, or refused in one sentence."""

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.data.readers.nwb_files import write_nwb
from undertow.data import describe, load
from undertow.errors import DataError

SPIKES = [np.arange(0.05, 4, 0.1), np.arange(0.02, 4, 0.25)]
TRIALS = {
    "start_time": [0.0, 1.0, 2.0],
    "stop_time": [0.5, 1.7, 2.5],
    "side": ["left", "right", "left"],
}
BITS = (b"nan", b"-1", b"1e308", b"", b"\xff", b"\x00", b"9" * 30, b"x" * 5000, b",", b"\n", b'"')
VALUES = (3.0, -1, "text", np.nan, np.zeros((2, 2)), np.arange(5), np.array([1j]), 2**62, True)
CASES = 120


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of each kind, all sound."""
    path, rng = tmp_path_factory.mktemp("whole"), np.random.default_rng(0)
    times = np.arange(0, 4, 0.01)
    intervals = [np.array([[0.0, 4.0]])] * 2
    extra: dict[str, Any] = {"obs_intervals": intervals, "locations": ["M1", "V1"]}
    write_nwb(path / "a.nwb", SPIKES, TRIALS, series={"speed": (times, times)}, **extra)
    (path / "phy").mkdir()
    np.save(path / "phy" / "spike_times.npy", np.sort(rng.integers(0, 600_000, 200)))
    np.save(path / "phy" / "spike_clusters.npy", rng.integers(0, 2, 200))
    (path / "phy" / "params.py").write_text("sample_rate = 30000.\n")
    (path / "phy" / "cluster_info.tsv").write_text("cluster_id\tgroup\n0\tgood\n1\tgood\n")
    (path / "phy" / "events.csv").write_text(
        "\n".join(["start_time,stop_time", *(f"{k},{k + 0.5}" for k in range(0, 18, 2))])
    )
    rows = [f"{rng.integers(2)},{rng.uniform():.4f},{k % 5}" for k in range(100)]
    (path / "s.csv").write_text("\n".join(["unit,time,trial", *rows]))
    return path


def damage(data: bytes, rng: np.random.Generator) -> bytes:
    at = int(rng.integers(len(data)))
    kind = rng.integers(4)
    if kind == 0:
        return data[:at]
    if kind == 1:
        return data[:at] + BITS[rng.integers(len(BITS))] + data[at + int(rng.integers(1, 40)) :]
    changed = bytearray(data)
    last = len(data) if kind == 2 else min(len(data), 4096)
    for place in rng.integers(0, last, rng.choice([1, 3, 30])):
        changed[place] = rng.integers(256)
    return bytes(changed)


def bend(path: Path, rng: np.random.Generator) -> None:
    """Another value, nothing, or a group where a dataset or attribute stands."""
    with h5py.File(path, "a") as file:
        names: list[str] = []
        file.visit(names.append)
        name = names[rng.integers(len(names))]
        attributes, value = dict(file[name].attrs), VALUES[rng.integers(len(VALUES))]
        kind = rng.integers(4)
        if kind == 0 and attributes:
            file[name].attrs[list(attributes)[rng.integers(len(attributes))]] = value
            return
        del file[name]
        if kind == 1:
            file.create_group(name)
        elif kind > 1:
            file[name] = value
            file[name].attrs.update(attributes if kind == 2 else {})


def a_file(path: Path, rng: np.random.Generator) -> None:
    path.write_bytes(damage(path.read_bytes(), rng))


def a_file_of(folder: Path, rng: np.random.Generator) -> None:
    files = sorted(folder.iterdir())
    a_file(files[rng.integers(len(files))], rng)


HURT: dict[str, tuple[str, Callable[[Path, np.random.Generator], None]]] = {
    "bytes of an NWB file": ("a.nwb", a_file),
    "the structure of an NWB file": ("a.nwb", bend),
    "a file of a Phy folder": ("phy", a_file_of),
    "a table of spikes": ("s.csv", a_file),
}


@pytest.mark.parametrize("what", HURT)
def test_damage_is_survived_or_named(whole: Path, tmp_path: Path, what: str) -> None:
    name, hurt = HURT[what]
    path = tmp_path / name
    for case in range(CASES):
        rng = np.random.default_rng(case)
        copy = shutil.copytree if (whole / name).is_dir() else shutil.copy
        copy(whole / name, path)
        hurt(path, rng)
        survived_or_named(path, (load, describe)[case % 2], case)
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def survived_or_named(path: Path, read: Callable[..., Any], case: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is odd in damaged data is said, rightly
        try:
            read(path, bin_s=0.1)
        except DataError as error:
            said = str(error)
            assert "\n" not in said, case
            assert len(said) < 900, case
