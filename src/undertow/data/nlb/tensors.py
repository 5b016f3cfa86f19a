"""`Tensors`: a set of the Neural Latents Benchmark at one bin width and in one phase."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from undertow.errors import DataError

Phase = Literal["val", "test"]
BIN_MS = (5, 20)


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
        targets: `eval_spikes_heldout`, …: the file's group; empty where the truth is not public.
    """

    set_name: str
    bin_ms: int
    phase: Phase
    inputs: Mapping[str, np.ndarray]
    targets: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        if self.bin_ms not in BIN_MS:
            raise DataError(f"bin_ms is {self.bin_ms!r}: the benchmark has bins of 5 and of 20 ms.")

    @property
    def group(self) -> str:
        """The benchmark's name of set and bin width: 'mc_maze' at 5 ms, 'mc_maze_20' at 20 ms."""
        return self.set_name if self.bin_ms == BIN_MS[0] else f"{self.set_name}_{self.bin_ms}"
