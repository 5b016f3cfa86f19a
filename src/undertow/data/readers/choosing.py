"""Neurons and trials of binned files, chosen by rules over what the file says of them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import tables
from undertow.data.readers.hdf5_file import opened_hdf5, plain_array
from undertow.data.readers.npz_file import declared_arrays, read_arrays
from undertow.data.readers.schema import PLAIN
from undertow.data.trialset import TrialSet

HDF5 = (".h5", ".hdf5", ".nc")

More = Callable[[str, int], dict[str, np.ndarray]]
"""Rule, n → the arrays of a file with `n` plain values that the rule may mean, by name."""


def chosen(trials: TrialSet, units: Any, rows: Any, more: More) -> TrialSet:
    """The neurons and trials of a set that stay.

    Rules are over the set's own columns, and over the arrays of the file with one value per neuron
    or per trial.

    - of neurons: neuron_id, region, heldout, rate_hz
    - of trials: trial_id, condition, split, length_s and the labels

    Args:
        trials: all of a file.
        units: which neurons: a mask, neuron ids or a rule such as ``"region==MOp"``; None for all.
        rows: which trials: a mask, trial ids or a rule; None for all.
        more: further columns of the file.

    Raises:
        DataError: as `tables.select_rows`.
    """
    kept = trials
    if rows is not None:
        columns = _columns_of_trials(trials) | _further(rows, trials.n_trials, more)
        kept = kept.select(tables.select_rows("trials", rows, trials.trial_ids, columns))
    if units is not None:
        columns = _columns_of_neurons(trials) | _further(units, trials.n_neurons, more)
        kept = kept.select(neurons=tables.select_rows("units", units, trials.neuron_ids, columns))
    return kept


def _columns_of_neurons(trials: TrialSet) -> dict[str, np.ndarray]:
    region = {} if trials.region is None else {"region": tables.plain(trials.region)}
    rates = {"heldout": trials.heldout, "rate_hz": trials.mean_rates}
    return {"neuron_id": tables.plain(trials.neuron_ids), **region, **rates}


def _columns_of_trials(trials: TrialSet) -> dict[str, np.ndarray]:
    held = {"condition": trials.condition, "split": trials.split, **trials.labels}
    known = {name: tables.plain(values) for name, values in held.items() if values is not None}
    lengths_s = trials.lengths * trials.bin_s
    return {"trial_id": tables.plain(trials.trial_ids), **known, "length_s": lengths_s}


# --- further arrays of the file ---------------------------------------------------------------


def more_of(path: str | Path) -> More:
    """The further columns of a `.npz`, HDF5 or netCDF file; nothing else of it is read."""
    reader = _of_hdf5 if Path(path).suffix.lower() in HDF5 else _of_npz
    return lambda rule, n: dict(reader(path, rule, n))


def _further(rule: Any, n: int, more: More) -> dict[str, np.ndarray]:
    return more(rule, n) if isinstance(rule, str) else {}


def _of_npz(path: str | Path, rule: str, n: int) -> Iterator[tuple[str, np.ndarray]]:
    there = declared_arrays(path)
    shapes = ((n,), (n, 1), (1, n))
    fit = {k: each for k, each in there.items() if each.shape in shapes and k in rule}
    names = [name for name, each in fit.items() if each.dtype.kind in PLAIN]
    for name, values in read_arrays(path, names).items():
        yield name, values.ravel()


def _of_hdf5(path: str | Path, rule: str, n: int) -> Iterator[tuple[str, np.ndarray]]:
    import h5py

    with opened_hdf5(path) as file:
        for name, item in file.items():
            fits = name in rule and isinstance(item, h5py.Dataset) and item.shape == (n,)
            if fits and (h5py.check_string_dtype(item.dtype) or item.dtype.kind in PLAIN):
                yield name, plain_array(item)
