"""`Tensors`: a set of the Neural Latents Benchmark at one bin width and in one phase.

Some of its arrays are ragged: lists of trials of different length.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from undertow.data.readers.nlb_sets import check_bin_ms, group_name
from undertow.errors import DataError

Phase = Literal["val", "test"]
LABELS = ("set_name", "bin_ms", "phase")
"""What tells tensors apart."""
TRUTH = "eval_spikes_heldout"
RAGGED = "_cond_idx"
"""Ends the names of lists of trials, one list for each condition."""


@dataclass(frozen=True, eq=False)
class Tensors:
    """What models are given, and what they are scored against.

    Attributes:
        set_name: 'mc_maze', 'mc_rtt', 'area2_bump', 'dmfc_rsg', 'mc_maze_large', 'mc_maze_medium'
            or 'mc_maze_small'.
        bin_ms: 5 or 20.
        phase: 'val' (scored on the validation trials) or 'test'.
        inputs: `train_spikes_heldin`, …, (trials, time, neurons) counts per bin: the file's top
            level.
        targets: `eval_spikes_heldout`, …: the file's group; empty where the files lack the truth.
    """

    set_name: str
    bin_ms: int
    phase: Phase
    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        check_bin_ms(self.bin_ms)

    @property
    def group(self) -> str:
        """The benchmark's name of set and bin width: 'mc_maze' at 5 ms, 'mc_maze_20' at 20 ms."""
        return group_name(self.set_name, self.bin_ms)


def is_ragged(name: str, values: Any) -> bool:
    """Whether an array is one of lists, by its name or by what it holds."""
    return name.endswith(RAGGED) or _holds_objects(values)


def _holds_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind == "O"


def as_ragged(name: str, values: Any) -> np.ndarray:
    """Lists of integers as an array of arrays, (lists,) of dtype object.

    Rows of a matrix are lists as well.

    Raises:
        DataError: when an entry is not a flat list of integers.
    """
    ragged = np.empty(len(values), dtype=object)
    for k, entry in enumerate(values):
        row = np.asarray(entry.tolist() if _holds_objects(entry) else entry)
        row = row.astype(np.int64) if row.size == 0 and row.dtype.kind == "f" else row
        if row.ndim != 1 or row.dtype.kind not in "iu":
            raise DataError(f"{name}[{k}] is no list of integers: give the indices of its trials.")
        ragged[k] = row
    return ragged
