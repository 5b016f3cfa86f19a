"""A made file of the truth of test trials, in the layout of the published one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py

from tests.nlb.random_tensors import random_tensors
from undertow.nlb import NLB_SETS, write_nlb_tensors


def write_truth(
    path: Path, sets: Sequence[str] = tuple(NLB_SETS), widths: Sequence[int] = (5, 20)
) -> Path:
    """The targets of `random_tensors`, a group for each set and bin width, without attributes."""
    one = path.with_name("one.h5")
    with h5py.File(path, "w") as file:
        for tensors in (random_tensors(name, width) for name in sets for width in widths):
            write_nlb_tensors(replace(tensors, inputs={}), one, overwrite=True)
            with h5py.File(one) as written:
                written.copy(tensors.group, file)
    one.unlink()
    return path
