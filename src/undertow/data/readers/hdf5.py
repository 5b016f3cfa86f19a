"""HDF5 in the layout that LFADS uses: `train_data` and `valid_data`.

Files in the layouts of lfads-torch and the Neural Latents Benchmark are recognised and read too.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.checks import whole
from undertow.data.large import LazyCounts, StackedCounts, StoredCounts, smallest, whole_numbers
from undertow.data.readers.hdf5_file import (
    attribute,
    declared,
    opened_hdf5,
    own_bin_s,
    plain_array,
    single_value,
)
from undertow.data.readers.lfads_torch_hdf5 import encoded_parts, read_lfads_torch_fields
from undertow.data.readers.nlb_hdf5 import nlb_arrays, read_nlb_fields
from undertow.data.readers.schema import check_kind, check_sizes, check_whole
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.memory import blocks, machine_memory
from undertow.names import listed
from undertow.streams import hdf5_stream

if TYPE_CHECKING:
    import h5py

PARTS = {"train": "train", "valid": "val", "test": "test", "none": "none"}
ROOT_ARRAYS = ("neuron_ids", "region", "heldout")
ROOT_SCALARS = ("bin_s", "start_s", "event", "forward_bins", "behavior_kind")
NAMES = ("behavior_names", "stimulus_names")
NUMERIC = ("data", "inds", "truth", "behavior", "stimulus", "times", "lengths", "recorded_s")
PER_TRIAL = ("condition", "trial_ids")
LABELS = "label_names"
FILE_BIN_S = 0.01
MISSING = "missing"
"""Attribute of counts in whole numbers: the value that stands for none."""
HELD = 1 / 4
"""Share of the machine's memory that counts may take as an array where nothing else is said."""


def read_hdf5(
    path: str | Path,
    bin_s: float | None = None,
    file_bin_s: float | None = None,
    in_memory: bool | None = None,
) -> TrialSet:
    """Read trials from HDF5 in the layout of LFADS, lfads-torch or the Neural Latents Benchmark.

    LFADS: `train_data` and `valid_data` (and `test_data`), (trials, time, neurons), become one set
    with split labels 'train', 'val' and 'test', in the original order where `*_inds` give it.
    `*_truth` is read as spikes/s. Trials with the same truth share a condition. What `write_hdf5`
    adds (condition, neuron ids, behaviour, …) is read back.

    lfads-torch: a file with `train_encod_data` or `valid_encod_data`; see
    `undertow.data.readers.lfads_torch_hdf5`.

    Benchmark: a file with `train_spikes_heldin` or `eval_spikes_heldin`, at the top or in one
    group; see `undertow.data.readers.nlb_hdf5.read_nlb_fields`.

    Args:
        path: the file.
        bin_s: bin width wanted, a whole multiple of the file's own; the file's own by default.
        file_bin_s: the file's bin width in seconds; used only where the file holds no `bin_s`, `dt`
            or `bin_ms`, and no group name of the benchmark tells it. By default 0.01 in the LFADS
            layout, and `bin_s` in the two others.
        in_memory: whether counts in the layout of LFADS become an array; False to leave them in the
            file, and read a few trials at a time. By default they do where they take less than a
            quarter of the machine's memory.

    Raises:
        DataError: for a file that is not there, cut short or no HDF5, without trials, or with
            arrays that break a rule.
    """
    with opened_hdf5(path) as file:
        known_bin_s = own_bin_s(file)
        if arrays := nlb_arrays(path, file):
            check_sizes(path, [declared(item, name) for name, item in arrays.arrays.items()])
            known_bin_s = known_bin_s or arrays.bin_s or file_bin_s or bin_s
            fields = read_nlb_fields(path, arrays, known_bin_s)
        elif parts := encoded_parts(file):
            known_bin_s = known_bin_s or file_bin_s or bin_s
            fields = read_lfads_torch_fields(path, file, parts, known_bin_s)
        else:
            fields = _read_fields(Path(path), file, in_memory)
            fields["bin_s"] = known_bin_s or file_bin_s or FILE_BIN_S
    trials = TrialSet(**fields)
    return trials if bin_s is None else trials.rebin(bin_s)


def _read_fields(path: Path, file: "h5py.File", in_memory: bool | None) -> dict[str, Any]:
    parts = [part for part in PARTS if f"{part}_data" in file]
    if not parts:
        raise DataError(
            f"{path} has no dataset 'train_data' or 'valid_data': there is {listed(list(file))}."
        )
    labels = plain_array(file[LABELS]).ravel().tolist() if LABELS in file else []
    columns = {f"label_{k}": str(name) for k, name in enumerate(labels)}
    found = _checked(path, file, parts, (*NUMERIC, *PER_TRIAL, *columns), in_memory)
    sizes = [len(file[f"{part}_data"]) for part in parts]
    counts = found.pop("data")
    arrays = {name: np.concatenate([plain_array(each) for each in found[name]]) for name in found}
    if file.attrs.get("has_split", True):
        arrays["split"] = np.repeat([PARTS[part] for part in parts], sizes)
    order = np.argsort(arrays.pop("inds", np.arange(sum(sizes))), kind="stable")
    arrays = {name: values[order] for name, values in arrays.items()}
    fields: dict[str, Any] = {"spikes": _counts(counts, order, in_memory)}
    fields["labels"] = {full: arrays.pop(k) for k, full in columns.items() if k in arrays}
    fields |= arrays
    if "condition" not in fields and "truth" in fields:
        fields["condition"] = _conditions_by_truth(
            fields["truth"], single_value(file, "n_init_conds")
        )
    fields |= {name: plain_array(file[name]) for name in ROOT_ARRAYS if name in file}
    scalars = {name: single_value(file, name) for name in ROOT_SCALARS[1:]}
    fields |= {name: value for name, value in scalars.items() if value is not None}
    names = {name: plain_array(file[name]).ravel().tolist() for name in NAMES if name in file}
    return fields | {name: [str(each) for each in values] for name, values in names.items()}


def _counts(parts: list["h5py.Dataset"], order: np.ndarray, in_memory: bool | None) -> Any:
    """The counts of all parts in their order, as an array or left where they are."""
    if _held(parts, in_memory):
        return np.concatenate([_array(each) for each in parts])[order]
    stored = [StoredCounts(each, missing=_missing(each)) for each in parts]
    return (stored[0] if len(stored) == 1 else StackedCounts(stored)).part(order)


def _array(counts: "h5py.Dataset") -> np.ndarray:
    values, missing = plain_array(counts), _missing(counts)
    return values if missing is None else np.where(values == missing, np.float32(np.nan), values)


def _missing(counts: "h5py.Dataset") -> int | None:
    """The value that stands for none, where the file names one."""
    if MISSING not in counts.attrs:
        return None
    return whole(MISSING, attribute(counts, MISSING).item(), 0, error=DataError)


def _held(parts: list["h5py.Dataset"], in_memory: bool | None) -> bool:
    needed = 4 * sum(float(np.prod(each.shape)) for each in parts)
    return needed < HELD * machine_memory() if in_memory is None else in_memory


def _checked(
    path: Path,
    file: "h5py.File",
    parts: list[str],
    names: Sequence[str],
    in_memory: bool | None,
) -> dict[str, list["h5py.Dataset"]]:
    """The datasets `{part}_{name}` of all parts by name, seen to fit before any is read."""
    there = {name: _in_parts(path, file, parts, name) for name in names}
    found = {name: datasets for name, datasets in there.items() if datasets}
    every = {name: [declared(each) for each in datasets] for name, datasets in found.items()}
    trials = [each.shape[:1] for each in every["data"]]
    for name, arrays in every.items():
        for each, n_trials, first in zip(arrays, trials, every["data"], strict=True):
            fits = each.shape and each.shape[:1] == n_trials
            if not fits or each.shape[1:] != arrays[0].shape[1:]:
                raise DataError(
                    f"{each.name} in {path} has shape {each.shape}: it does not fit {first.name}, "
                    f"{first.shape}, and {arrays[0].name}, {arrays[0].shape}."
                )
            if name in NUMERIC:
                check_kind(path, each.name, each.dtype)
    check_whole(path, every["data"])
    held = _held(found["data"], in_memory)
    read = [arrays for name, arrays in every.items() if held or name != "data"]
    check_sizes(path, [each for arrays in read for each in arrays])
    return found


def _in_parts(path: Path, file: "h5py.File", parts: list[str], name: str) -> list["h5py.Dataset"]:
    there = [part for part in parts if f"{part}_{name}" in file]
    if there and there != parts:
        missing = [f"{part}_{name}" for part in parts if part not in there]
        raise DataError(
            f"{path} has {there[0]}_{name} but not {listed(missing)}: give it for every part or "
            "for none."
        )
    return [file[f"{part}_{name}"] for part in there]


def _conditions_by_truth(truth: np.ndarray, n_conditions: int | None) -> np.ndarray | None:
    """Number the distinct true rates in order of appearance.

    None when they cannot be conditions.

    They can when trials share them and, where the file says how many there are, the number agrees.
    """
    _, first, label = np.unique(
        truth.reshape(len(truth), -1), axis=0, return_index=True, return_inverse=True
    )
    if first.size == len(truth) or (n_conditions is not None and first.size != n_conditions):
        return None
    return np.argsort(np.argsort(first))[label.reshape(-1)]


def write_hdf5(trials: TrialSet, path: str | Path, overwrite: bool = False) -> Path:
    """Write trials in the LFADS layout, with all else they hold.

    `read_hdf5` gives the same set back.

    Trials go to `train_data`, `valid_data` and `test_data` by their split label (all to
    `train_data` without labels); `*_inds` keep their order. The file is written under a temporary
    name and moved into place. Counts that are no array (`TrialSet.pack`, memory-mapped ones) are
    written a few trials at a time, in one or two bytes each; `missing` says which value is none.

    Raises:
        DataError: when the file exists and `overwrite` is False, or a split label is not train,
            val, test or none.
    """
    import h5py

    with hdf5_stream(path, overwrite) as stream, h5py.File(stream, "w") as file:
        for name in ROOT_SCALARS:
            file.attrs[name] = getattr(trials, name)
        file.attrs["has_split"] = trials.split is not None
        for name in ROOT_ARRAYS:
            _write(file, name, getattr(trials, name))
        for name, values in (
            *((name, getattr(trials, name)) for name in NAMES),
            (LABELS, trials.labels),
        ):
            _write(file, name, np.array(list(values)) if values else None)
        for part, rows in _rows_by_part(trials).items():
            write_counts(file, f"{part}_data", trials.spikes, rows)
            _write(file, f"{part}_inds", rows)
            for name in (*NUMERIC[2:], *PER_TRIAL):
                values = getattr(trials, name)
                _write(file, f"{part}_{name}", None if values is None else values[rows])
            for k, values in enumerate(trials.labels.values()):
                _write(file, f"{part}_label_{k}", values[rows])
    return Path(path)


def write_counts(file: "h5py.File", name: str, counts: Any, rows: np.ndarray) -> None:
    """Write the counts of some trials."""
    if not isinstance(counts, LazyCounts):
        _write(file, name, counts[rows])
        return
    chosen = counts.part(rows)
    parts = list(blocks(len(rows), chosen.nbytes / len(rows)))
    highest = max(np.nanmax(chosen[part], initial=0) for part in parts)
    kind = smallest(np.array([highest + 1])).dtype
    chunks = 1, *chosen.shape[1:]
    dataset = file.create_dataset(name, chosen.shape, kind, chunks=chunks, compression=1)
    dataset.attrs[MISSING] = np.iinfo(kind).max
    for part in parts:
        dataset[part] = whole_numbers(chosen.block(part), kind)


def _rows_by_part(trials: TrialSet) -> dict[str, np.ndarray]:
    if trials.split is None:
        return {"train": np.arange(trials.n_trials)}
    unknown = sorted(set(trials.split.tolist()) - set(PARTS.values()))
    if unknown:
        raise DataError(f"split holds {unknown[0]!r}: it must be one of {listed(PARTS.values())}.")
    rows = {part: np.flatnonzero(trials.split == label) for part, label in PARTS.items()}
    return {part: index for part, index in rows.items() if index.size}


def _write(file: "h5py.File", name: str, values: np.ndarray | None) -> None:
    import h5py

    if values is None:
        return
    if values.dtype.kind == "U":
        file.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
    else:
        file.create_dataset(name, data=values, compression="gzip" if values.ndim == 3 else None)
