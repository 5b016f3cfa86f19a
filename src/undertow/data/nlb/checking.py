"""Checks across the files of a set, before anything large is read."""

import warnings
from collections.abc import Sequence

import numpy as np

from undertow.data.nlb.opening import KNOWN, OpenFile
from undertow.data.nlb.sets import NLBSet
from undertow.data.nlb.tensors import Phase
from undertow.errors import DataError, DataWarning
from undertow.names import listed

TRAIN_SPLITS: dict[Phase, tuple[str, ...]] = {"val": ("train",), "test": KNOWN}


def check_files(files: Sequence[OpenFile], entry: NLBSet, phase: Phase) -> None:
    """Files go together, and have the trials and units of the phase.

    Raises:
        DataError: when units differ between files, a trial that is used has no time, or trials or
            held-out units are missing.
    """
    for heldout in (False, True):
        _check_same_units(files, heldout)
    _check_trials(files, phase)
    for file in files:
        _check_times(file, entry, phase)


def _check_same_units(files: Sequence[OpenFile], heldout: bool) -> None:
    """Files have the same held-in units; and the same held-out units, or none."""
    units = {file.path: file.unit_ids[file.heldout == heldout].tolist() for file in files}
    there = [path for path in units if units[path] or not heldout]
    for path in there[1:]:
        if set(units[path]) != set(units[there[0]]):
            raise DataError(
                f"{path} has other {'held-out' if heldout else 'held-in'} units than {there[0]}: "
                "give the files of one set only."
            )


def _check_trials(files: Sequence[OpenFile], phase: Phase) -> None:
    paths = listed([file.path for file in files])
    split = np.concatenate([file.trials["split"] for file in files])
    names, counts = np.unique(split, return_counts=True)
    there = listed([f"{str(name)!r} ({n})" for name, n in zip(names, counts, strict=True)])
    if phase not in split:
        raise DataError(
            f"{paths} has no trial of split {phase!r}, which phase {phase!r} is scored on: there "
            f"is {there}."
        )
    if np.isin(split, TRAIN_SPLITS[phase]).any():
        if not any(file.heldout.any() for file in files):
            raise DataError(
                f"{paths} has no held-out unit (units.heldout is never True): training trials need "
                "them."
            )
    elif phase == "val":
        raise DataError(f"{paths} has no trial of split 'train' to learn from: there is {there}.")
    else:
        warnings.warn(
            f"{paths} has no training trial: only evaluation spikes are made. Add the set's train "
            "file to fit.",
            DataWarning,
            stacklevel=5,
        )


def _check_times(file: OpenFile, entry: NLBSet, phase: Phase) -> None:
    used = np.isin(file.trials["split"], (*TRAIN_SPLITS[phase], phase))
    for name in (entry.align, entry.start_column, entry.produced_column):
        needed = used if name == entry.align else used & file.known
        if (
            name
            and needed.any()
            and (bad := np.flatnonzero(needed & ~np.isfinite(file.trials[name]))).size
        ):
            raise DataError(
                f"trials.{name} in {file.path} is NaN in row {bad[0]} (split "
                f"{file.trials['split'][bad[0]]!r}): every trial of the benchmark has one."
            )
