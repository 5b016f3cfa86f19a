"""What arrays of the benchmark's files must be, checked by what they declare before any is read."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from undertow.data.readers.hdf5_file import declared, raw_values
from undertow.data.readers.schema import NUMBERS, check_kind, check_sizes
from undertow.errors import DataError
from undertow.memory import blocks, check_memory
from undertow.names import listed, printable

if TYPE_CHECKING:
    import h5py

Datasets = Mapping[str, "h5py.Dataset"]
Shapes = Mapping[str, tuple[int, ...]]
OURS = re.compile(r"(train|eval|valid)_.+|psth")
"""Names of the benchmark and of lfads-torch; whatever else lies in a file may be anything."""
COUNTS = re.compile(r"(.*/)?(train|eval)_spikes_held(in|out)(_forward)?")
DOUBLE = 8


def read_arrays(path: str | Path, datasets: Datasets) -> dict[str, np.ndarray]:
    """What datasets hold, by name; all are checked before one is read.

    Raises:
        DataError: for an array of anything but numbers (or lists of them, of which conditions are),
            one that the file or memory cannot hold, spikes of other than three axes, or counts of
            spikes that are negative or infinite.
    """
    arrays = {name: declared(dataset, name) for name, dataset in datasets.items()}
    for name, each in arrays.items():
        check_kind(path, name, each.dtype if COUNTS.fullmatch(name) else _entries(datasets[name]))
        check_axes(path, {name: each.shape})
    check_sizes(path, arrays.values())
    values = {name: raw_values(dataset) for name, dataset in datasets.items()}
    for name, array in values.items():
        if COUNTS.fullmatch(name):
            check_counts(path, name, array)
    return values


def without_strangers(datasets: Datasets) -> tuple[Datasets, list[str]]:
    """The datasets, and names of those left out: not the benchmark's, and no numbers."""
    strangers = [
        name
        for name, dataset in datasets.items()
        if not OURS.fullmatch(name) and _entries(dataset).kind not in NUMBERS
    ]
    return {name: each for name, each in datasets.items() if name not in strangers}, strangers


def _entries(dataset: "h5py.Dataset") -> np.dtype:
    """The type of the entries of an array, or of the lists that it holds."""
    import h5py

    lists = h5py.check_vlen_dtype(dataset.dtype)
    return dataset.dtype if lists is None else np.dtype(lists)


def check_axes(path: str | Path, shapes: Shapes) -> None:
    """See that counts of spikes are (trials, time, neurons).

    Raises:
        DataError: naming the array.
    """
    for name, shape in shapes.items():
        if COUNTS.fullmatch(name) and len(shape) != 3:
            raise DataError(
                f"{printable(name)} in {path} has shape {shape}: it must be (trials, time, "
                "neurons)."
            )


def check_together(path: str | Path, shapes: Shapes) -> None:
    """See that counts of spikes agree in trials, neurons, and bins within the window.

    Files at 5 and at 20 ms are not of one set.

    Raises:
        DataError: naming two arrays that do not.
    """
    check_axes(path, shapes)
    sizes: dict[str, tuple[str, int]] = {}
    for name, shape in shapes.items():
        if not COUNTS.fullmatch(name):
            continue
        part, _, population = name.split("_")[:3]
        span = "forward bins" if name.endswith("_forward") else "bins"
        for what, size in zip(
            (f"{part} trials", span, f"{population} neurons"), shape, strict=True
        ):
            first, expected = sizes.setdefault(what, (name, size))
            if size != expected:
                raise DataError(
                    f"{name} in {path} has {size} {what} and {first} {expected}: they must be "
                    "equal."
                )


def check_counts(path: str | Path, name: str, counts: np.ndarray) -> None:
    """See that counts of spikes are zero or more; NaN is where nothing was recorded.

    Raises:
        DataError: with the first one that is not.
    """
    for rows in blocks(len(counts), DOUBLE * counts[:1].size):
        wrong = (counts[rows] < 0) | np.isinf(counts[rows])
        if wrong.any():
            raise DataError(
                f"{printable(name)} in {path} holds {counts[rows][wrong][0]:g}: counts of spikes "
                "are zero or more, and NaN where nothing was recorded."
            )


def check_dense(what: str, shape: tuple[int, ...]) -> None:
    """Refuse trials of all bins and neurons that memory cannot hold, of arrays however small.

    Args:
        what: the file or set, for the message.
        shape: (trials, bins, neurons).

    Raises:
        DataError: with the memory they would take.
    """
    size = float(np.prod([float(n) for n in shape]))
    check_memory(
        3 * 4 * size,
        f"spikes of {what}, {' × '.join(map(str, shape))} (trials, bins, neurons),",
        "save fewer trials or neurons.",
    )


def strangers_left_out(path: str | Path, names: list[str]) -> str:
    """The warning for arrays of a file that are not the benchmark's and hold no numbers."""
    return f"{path}: left out {listed(names)}, which are not the benchmark's and hold no numbers."
