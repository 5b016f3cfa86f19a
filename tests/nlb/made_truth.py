"""A made file of the truth of test trials, with a group for each set and bin width as the published
one has them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py

from tests.nlb.random_tensors import random_tensors
from undertow.nlb import NLB_SETS, Tensors, write_nlb_tensors


def unscored_tensors(set_name: str, bin_ms: int) -> Tensors:
    """What `make_tensors` makes of the public files in phase 'test': inputs, and no targets."""
    return replace(random_tensors(set_name, bin_ms), phase="test", targets={})


def write_truth(
    path: Path, sets: Sequence[str] = tuple(NLB_SETS), widths: Sequence[int] = (5, 20)
) -> Path:
    """The targets of `random_tensors` in one file, without attributes."""
    one = path.with_name("one.h5")
    with h5py.File(path, "w") as file:
        for tensors in (random_tensors(name, width) for name in sets for width in widths):
            write_nlb_tensors(replace(tensors, inputs={}), one, overwrite=True)
            with h5py.File(one) as written:
                written.copy(tensors.group, file)
    one.unlink()
    return path
