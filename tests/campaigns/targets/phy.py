"""Phy and Kilosort folders, event files, and spike tables in text."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, hostile
from tests.campaigns.target import Made, Rng, Target, chance, few, pick
from tests.campaigns.targets import npz, reading, text

LINES = (
    "sample_rate = 'ten'",
    "sample_rate = 0",
    "sample_rate = -1",
    "sample_rate = 1e-300",
    "sample_rate = 1e300",
    "sample_rate = 1e400",
    "sample_rate = True",
    "sample_rate = None",
    "sample_rate = [30000]",
    "sample_rate = 30000 + 5j",
    "sample_rate = 3e4 * 2",
    "sample_rate = " + "-" * 9000 + "1",
    "sample_rate = " + "(" * 3000 + "1" + ")" * 3000,
    "sample_rate = " + "9" * 5000,
    "sample_rate = __import__('os').system('true')",
    "dat_path = 'C:\\Users\\x'",
    "\x00",
    "def f(:",
)
OPTIONS: dict[str, tuple[Any, ...]] = {
    **{k: v for k, v in reading.OF_TIMES.items() if k != "trials"},
    "trials": ("outcome==hit", "rt<0.4", "no such==1"),
    "units": ("group==good", "group!=noise", "depth>100", "no such==1", [2, 5], [99], "x"),
    "sample_rate_hz": (30000.0, 0.0, -1.0, 1e-300, 1e300, float("nan")),
}


def make(rng: Rng, folder: Path) -> Made:
    """A folder with one to three of its files damaged."""
    place, said = valid(rng, folder), []
    for _ in range(few(rng, 3)):
        said.append(_change(rng, Path(pick(rng, sorted(place.iterdir())))))
    return Made(place, said, reading.options(rng, OPTIONS) if chance(rng, 0.3) else {})


def make_events(rng: Rng, folder: Path) -> Made:
    """A valid folder and a damaged event file, given by its path."""
    place = valid(rng, folder)
    path = folder / str(pick(rng, ("given.csv", "given.tsv", "given.npy", "given.txt", "given")))
    table = reading.trial_table()
    if path.suffix == ".npy":
        np.save(path, np.stack([table["start_time"], table["stop_time"]], axis=1))
    else:
        path.write_text(text.table(table, "\t" if path.suffix == ".tsv" else ","))
    said = [_change(rng, path) for _ in range(few(rng, 2))]
    return Made(place, said, {"events": str(path), **reading.options(rng, reading.OF_TIMES)})


def make_tables(rng: Rng, folder: Path) -> Made:
    """A table of a unit and a time for each spike, and of a trial where there are trials."""
    path = folder / str(pick(rng, ("spikes.csv", "spikes.tsv")))
    times = reading.spike_times(rng)
    names = pick(rng, (("unit", "time", "trial"), ("neuron_ids", "spiketimes", "trial_ids")))
    units = np.repeat(np.arange(len(times)), [each.size for each in times])
    columns = [units, np.concatenate(times), units % 3]
    held = dict(zip(names, columns, strict=True))
    if chance(rng, 0.4):
        held.pop(names[2])
    path.write_text(text.table(held, "\t" if path.suffix == ".tsv" else ","))
    said = [_change(rng, path) for _ in range(few(rng, 2))]
    return Made(path, said, {})


def valid(rng: Rng, folder: Path) -> Path:
    """A folder as Phy writes it, with some of the files it may hold."""
    place = folder / "sorted"
    place.mkdir()
    samples = np.sort(rng.integers(0, 300_000, 200))
    np.save(place / "spike_times.npy", samples.astype(np.uint64))
    kind = "spike_clusters.npy" if chance(rng, 0.8) else "spike_templates.npy"
    np.save(place / kind, rng.choice([2, 5, 7, 9], 200).astype(np.int32))
    (place / "params.py").write_text("dat_path = r'raw.bin'\ndtype = 'int16'\nsample_rate = 3e4\n")
    ids = np.array([2, 5, 7, 9])
    group = np.array(["good", "good", "noise", "unsorted"])
    info = {"cluster_id": ids, "group": group, "ch": ids, "depth": ids * 60.0}
    tables = {
        "cluster_info.tsv": info,
        "cluster_group.tsv": {"cluster_id": ids, "group": group},
        "cluster_KSLabel.tsv": {"cluster_id": ids, "KSLabel": np.array(["good"] * 4)},
        "cluster_Amplitude.tsv": {"cluster_id": ids, "Amplitude": ids * 1.5},
    }
    for name, columns in tables.items():
        if chance(rng, 0.6):
            (place / name).write_text(text.table(columns, "\t"))
    if chance(rng, 0.5):
        (place / "events.csv").write_text(text.table(reading.trial_table(), ","))
    return place


def _change(rng: Rng, path: Path) -> str:
    """One change to a file of a folder, of the kind that the file allows."""
    if chance(rng, 0.1):
        return _other(rng, path)
    if chance(rng, 0.15) and path.is_file():
        return bytewise.damage(rng, path)
    if path.suffix == ".npy":
        return _array(rng, path)
    if path.suffix == ".py":
        line = str(pick(rng, LINES))
        before = path.read_text() if chance(rng, 0.4) else ""
        path.write_text(f"{before}{line}\n")
        return f"params.py: {line[:40]!a}"
    if not path.is_file():
        return "unchanged"
    delimiter = "\t" if path.suffix == ".tsv" else ","
    data, how = text.change(rng, path.read_text(errors="surrogateescape"), delimiter)
    path.write_bytes(data)
    return f"{path.name}: {how}"


def _other(rng: Rng, path: Path) -> str:
    """The file is gone, empty, or a folder."""
    path.unlink() if path.is_file() else path.rmdir()
    way = pick(rng, ("gone", "empty", "a folder"))
    if way == "a folder":
        path.mkdir()
    if way == "empty":
        path.write_bytes(b"")
    return f"{path.name}: {way}"


def _array(rng: Rng, path: Path) -> str:
    try:
        value = np.load(path, allow_pickle=False)
    except Exception:  # damaged by an earlier change
        value = np.arange(5)
    how, changed = hostile.array(rng, value)
    data = npz.npy_bytes(np.asarray(changed))
    if chance(rng, 0.3):
        how, data = npz.header(rng, data)
    path.write_bytes(data)
    return f"{path.name}: {how}"


FOLDERS = Target("phy", make, reading.use, 1.2)
EVENTS = Target("event files", make_events, reading.use, 0.8)
TABLES = Target("spike tables", make_tables, reading.use, 0.5)
