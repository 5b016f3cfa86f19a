"""Opening NWB files of the benchmark: which files, their small tables, their structure.

Files must be of the set and go together; that is checked before anything large is read.
"""

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import tables
from undertow.data.plain import as_mask
from undertow.data.readers.nlb_sets import NLBSet
from undertow.data.readers.nwb import opened
from undertow.errors import DataError, DataWarning
from undertow.files import existing_file
from undertow.names import OF_PATHS, listed
from undertow.nlb.tensors import Phase

Paths = str | Path | Sequence[str | Path]
NS_PER_S = 1e9
LATEST_S = 1e8
"""Three years after a recording's start."""
SPLITS = ("train", "val", "test", "none")
KNOWN = ("train", "val")
"""Splits whose trials come with behaviour and held-out neurons."""
TRAIN_SPLITS: dict[Phase, tuple[str, ...]] = {"val": ("train",), "test": KNOWN}
"""Splits that are learned from in each phase."""
TIME_SUFFIX = "_time"
UNIT_COLUMNS = ("spike_times", "obs_intervals", "heldout")


@dataclass(frozen=True, eq=False)
class OpenFile:
    """An NWB file that is open, with its small tables read.

    Attributes:
        path: where it is.
        nwb: pynwb's object.
        unit_ids: labels of the units.
        heldout: whether each unit is held out.
        trials: 'split' and the columns the set needs, as far as there are; times in whole
            nanoseconds.
    """

    path: Path
    nwb: Any
    unit_ids: np.ndarray
    heldout: np.ndarray
    trials: dict[str, np.ndarray]

    @property
    def known(self) -> np.ndarray:
        """Which trials come with behaviour and held-out neurons."""
        return np.isin(self.trials["split"], KNOWN)


def nwb_paths(paths: Paths) -> list[Path]:
    """The files meant by a file, a folder with `.nwb` files or a list of files, sorted by name.

    Raises:
        DataError: when there is none, or a path is not there.
    """
    if not isinstance(paths, str | Path):
        found = [existing_file(path) for path in paths]
    elif Path(paths).is_dir():
        found = list(Path(paths).rglob("*.nwb"))
    else:
        found = [existing_file(paths)]
    if not found:
        raise DataError(
            f"there is no .nwb file in {paths!s}: give the folder or the files of one set."
        )
    return sorted(found, key=lambda path: (path.name, path))


def open_file(stack: ExitStack, path: Path, entry: NLBSet) -> OpenFile:
    """Open a file for as long as `stack` lasts.

    Raises:
        DataError: when a table, column or time series of the set is missing, or a split is unknown.
    """
    nwb = stack.enter_context(opened(path))
    _check_tables(path, nwb, entry)
    wanted = ("split", "start_time", *entry.trial_columns)
    columns = {
        name: _column(path, nwb.trials, name) for name in wanted if name in nwb.trials.colnames
    }
    heldout = as_mask("heldout", nwb.units["heldout"][:])
    file = OpenFile(path, nwb, np.asarray(nwb.units.id[:]), heldout, columns)
    _check_set(file, entry)
    return file


def check_files(files: Sequence[OpenFile], entry: NLBSet, phase: Phase) -> None:
    """Check that files go together, and have the trials and units of the phase.

    Raises:
        DataError: when units differ between files, a trial that is used has no time, or trials or
            held-out units are missing.
    """
    for heldout in (False, True):
        _check_same_units(files, heldout)
    _check_trials(files, phase)
    for file in files:
        _check_times(file, entry, phase)


def find_series(nwb: Any, name: str) -> Any:
    """The time series of this name, wherever it lies in the file.

    None where there is none.
    """
    from pynwb import TimeSeries

    found = (
        each for each in nwb.objects.values() if isinstance(each, TimeSeries) and each.name == name
    )
    return next(found, None)


def _check_tables(path: Path, nwb: Any, entry: NLBSet) -> None:
    for label, table, columns in (
        ("units", nwb.units, UNIT_COLUMNS),
        ("trials", nwb.trials, ("split", "start_time", entry.align)),
    ):
        there = () if table is None else table.colnames
        if missing := [name for name in columns if name not in there]:
            raise DataError(
                f"{path} has no {label}.{missing[0]}, which files of {entry.name} have: "
                f"its {label} have {listed(there)}."
            )


def _check_set(file: OpenFile, entry: NLBSet) -> None:
    """Check that the files have what the set needs.

    Splits must be the benchmark's, and trials with known behaviour must have all that the set
    decodes and averages.

    Raises:
        DataError: naming what is missing.
    """
    if unknown := sorted(set(file.trials["split"].tolist()) - set(SPLITS)):
        raise DataError(
            f"{file.path} has trials of split {unknown[0]!r}: the splits are {listed(SPLITS)}."
        )
    if not file.known.any():
        return
    if missing := [name for name in entry.trial_columns if name not in file.trials]:
        raise DataError(
            f"{file.path} has no trials.{missing[0]}, which training trials of {entry.name} have: "
            f"its trials have {listed(file.nwb.trials.colnames)}."
        )
    if entry.behavior_series and find_series(file.nwb, entry.behavior_series) is None:
        raise DataError(
            f"{file.path} has no time series {entry.behavior_series!r}, the behaviour of "
            f"{entry.name}: is it a file of another set?"
        )


def _column(path: Path, trials: Any, name: str) -> np.ndarray:
    """A column of numbers, times in whole nanoseconds; text for 'split'."""
    values = tables.plain(trials[name][:])
    if name == "split":
        return values.astype(str)
    if values.ndim != 1 or values.dtype.kind not in "biuf":
        raise DataError(
            f"trials.{name} in {path} is not one number a trial, as in the benchmark's own files."
        )
    return np.round(values * NS_PER_S) if name.endswith(TIME_SUFFIX) else values.astype(float)


def _check_same_units(files: Sequence[OpenFile], heldout: bool) -> None:
    """Check that files have the same held-in units; and the same held-out units, or none."""
    units = {file.path: file.unit_ids[file.heldout == heldout].tolist() for file in files}
    there = [path for path in units if units[path] or not heldout]
    for path in there[1:]:
        if set(units[path]) != set(units[there[0]]):
            raise DataError(
                f"{path} has other {'held-out' if heldout else 'held-in'} units than {there[0]}: "
                "give the files of one set only."
            )


def _check_trials(files: Sequence[OpenFile], phase: Phase) -> None:
    paths = listed([file.path for file in files], characters=OF_PATHS)
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
        if name and name.endswith(TIME_SUFFIX) and needed.any():
            last_s = np.abs(file.trials[name][needed]).max() / NS_PER_S
            if last_s > LATEST_S:
                raise DataError(
                    f"trials.{name} in {file.path} reaches {last_s:g} s: times are in seconds."
                )
