"""NWB files that pynwb wrote, changed through h5py."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, seeds
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import hdf5_changes, reading

OPTIONS: dict[str, tuple[Any, ...]] = {
    **reading.OF_TIMES,
    "units": ("region==A", "quality>0.2", "no such==1", [0, 1], [99]),
    "behavior": ("hand_vel", "none such", ["hand_vel", "hand_vel"]),
    "stimulus": ("hand_vel", "rt", "none such"),
}


def make_files(folder: Path) -> None:
    """Files with all there may be, without trials, and without electrodes."""
    from tests.data.readers.nwb_files import write_nwb

    rng = np.random.default_rng(0)
    times, places = reading.spike_times(rng), ["A", "B", "A", "C"]
    table = {name: values.tolist() for name, values in reading.trial_table().items()}
    series = {"hand_vel": (np.linspace(0, 10, 300), rng.normal(size=(300, 2)))}
    seen = [np.array([[0.0, 10.0]])] * len(times)
    units = {"quality": [0.1, 0.5, 0.9, 0.3]}
    write_nwb(folder / "all.nwb", times, table, units, None, seen, series, places)
    write_nwb(folder / "no_trials.nwb", times, None, units, None, None, None, places)
    write_nwb(folder / "plain.nwb", times, table)


def make(rng: Rng, folder: Path) -> Made:
    """One of the files with one to three changes."""
    path = folder / "recording.nwb"
    shutil.copy(seeds.folder() / str(pick(rng, ("all.nwb", "no_trials.nwb", "plain.nwb"))), path)
    said = hdf5_changes.change(rng, path) if chance(rng, 0.85) else []
    if chance(rng, 0.15) or not said:
        said.append(bytewise.damage(rng, path))
    return Made(path, said, reading.options(rng, OPTIONS) if chance(rng, 0.3) else {})


TARGET = Target("nwb", make, reading.use, 0.7, make_files)
