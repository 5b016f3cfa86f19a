"""Files of the benchmark: submissions, tensors, and the names that presets go by."""

from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, hostile, seeds
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import hdf5, hdf5_changes, settings

SET, BIN_MS = "mc_maze_small", 20


def make_files(folder: Path) -> None:
    """Tensors of a made set, and rates that fit them."""
    from tests.nlb.random_tensors import random_submission, random_tensors
    from undertow.nlb import write_nlb_tensors, write_submission

    tensors = random_tensors(SET, BIN_MS)
    write_nlb_tensors(tensors, folder / "tensors.h5")
    write_submission(random_submission(tensors), folder / "submission.h5")


def make_submission(rng: Rng, folder: Path) -> Made:
    """A submission with other rates."""
    return _changed(rng, "submission.h5", folder)


def make_tensors(rng: Rng, folder: Path) -> Made:
    """Tensors with other arrays."""
    return _changed(rng, "tensors.h5", folder)


def _changed(rng: Rng, name: str, folder: Path) -> Made:
    import h5py

    fields: dict[str, Any] = {}
    with h5py.File(seeds.folder() / name) as file:
        for each in hdf5_changes.objects(file):
            if isinstance(file[each], h5py.Dataset):
                fields[each] = file[each][()]
        fields |= {f"@{key}": value for key, value in file.attrs.items()}
    path, said = folder / name, []
    if chance(rng, 0.5):
        fields, said = hostile.fields(rng, fields)
    hdf5.write(path, fields)
    if chance(rng, 0.4) or not said:
        said += hdf5_changes.change(rng, path)
    if chance(rng, 0.1):
        said.append(bytewise.damage(rng, path))
    return Made(path, said)


def use_submission(made: Made) -> Any:
    """Score it."""
    from undertow.nlb import read_nlb_tensors, read_submission, score_submission

    score_submission(read_submission(made.path), read_nlb_tensors(seeds.folder() / "tensors.h5"))


def use_tensors(made: Made) -> Any:
    """Read them, score against them and make trials of them."""
    from undertow.nlb import read_nlb_tensors, read_submission, score_submission, trials_of

    tensors = read_nlb_tensors(made.path)
    trials_of(tensors)
    score_submission(read_submission(seeds.folder() / "submission.h5"), tensors)


def make_preset(rng: Rng, folder: Path) -> Made:
    """Names of a set, a bin width, a model and a preset."""
    words = ("mc_maze", "mc_rtt", "langevin-flow", "smoothing", "paper", "default", *hostile.NAMES)
    given = [
        pick(rng, words),
        pick(rng, (5, 20, 0, -1, 7, 10**30, np.nan, "20", None, 0.5)),
        pick(rng, words),
        pick(rng, (*words, *settings.TEXTS)),
    ]
    return Made(folder / "preset", [str(each)[:30] for each in given], {"given": given})


def use_preset(made: Made) -> Any:
    """The settings of that name."""
    from undertow.nlb import nlb_preset

    nlb_preset(*made.options["given"])


SUBMISSIONS = Target("submissions", make_submission, use_submission, 0.4, make_files)
TENSORS = Target("tensors", make_tensors, use_tensors, 0.3, make_files)
PRESETS = Target("presets", make_preset, use_preset, 0.1)
