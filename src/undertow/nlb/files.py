"""Tensors as HDF5 in the benchmark's layout (`undertow.data.readers.nlb_hdf5`) or lfads-torch's."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast, get_args

import numpy as np

from undertow.checks import one_of
from undertow.data.readers.hdf5_file import attribute, opened_hdf5
from undertow.data.readers.nlb_hdf5 import stored_datasets
from undertow.data.readers.nlb_schema import (
    Datasets,
    check_together,
    read_arrays,
    strangers_left_out,
    without_strangers,
)
from undertow.data.readers.nlb_sets import (
    check_bin_ms,
    group_name,
    is_group,
    nlb_set,
    parse_group,
)
from undertow.data.readers.schema import single
from undertow.errors import DataError, DataWarning
from undertow.names import OF_PATHS, listed
from undertow.nlb.lfads_torch import ENCODED, from_lfads_torch, to_lfads_torch
from undertow.nlb.tensors import LABELS, TRUTH, Phase, Tensors, as_ragged, is_ragged
from undertow.streams import hdf5_stream

if TYPE_CHECKING:
    import h5py

T = TypeVar("T")
Layout = Literal["benchmark", "lfads-torch"]
INPUTS = {f"train_spikes_held{which}{bins}" for which in ("in", "out") for bins in ("", "_forward")}
INPUTS |= {"train_behavior", "eval_spikes_heldin"}


def write_nlb_tensors(
    tensors: Tensors, path: str | Path, overwrite: bool = False, layout: Layout = "benchmark"
) -> Path:
    """Write tensors as HDF5: inputs at the top, targets in the group `mc_maze` or `mc_maze_20`.

    Every array keeps its dtype and is compressed with gzip; `*_cond_idx` become arrays of ragged
    integers. Set, bin width and phase are attributes of the file as well, so that
    `read_nlb_tensors` gives back the same tensors also where there are no targets. The file is
    written under a temporary name and moved into place.

    Args:
        tensors: of one set.
        path: the file.
        overwrite: whether a file of this name may be replaced.
        layout: 'benchmark', or 'lfads-torch': all arrays at the top under the names lfads-torch has
            for them.

    Raises:
        DataError: when the file exists and `overwrite` is False, its folder is not there, an array
            is not numeric, or lfads-torch's layout is asked for without the held-out spikes of
            evaluation trials.
    """
    import h5py

    if layout not in get_args(Layout):
        raise DataError(f"layout is {layout!r}: it must be one of {listed(get_args(Layout))}.")
    groups = {"": tensors.inputs, tensors.group: tensors.targets}
    if layout == "lfads-torch":
        groups = {"": to_lfads_torch(tensors)}
    with hdf5_stream(path, overwrite) as stream, h5py.File(stream, "w") as file:
        for label in LABELS:
            file.attrs[label] = getattr(tensors, label)
        for group, arrays in groups.items():
            for name, values in arrays.items():
                _write(file, f"{group}/{name}", values)
    return Path(path)


def _write(file: "h5py.File", name: str, values: Any) -> None:
    import h5py

    if is_ragged(name, values):
        rows = as_ragged(name, values)
        dtype = h5py.vlen_dtype(np.result_type(*rows) if len(rows) else np.int64)
        dataset = file.create_dataset(name, shape=rows.shape, dtype=dtype)
        for k, row in enumerate(rows):
            dataset[k] = row
        return
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise DataError(f"{name} has dtype {array.dtype}: the benchmark's arrays are numeric.")
    file.create_dataset(name, data=array, compression="gzip" if array.ndim else None)


def read_nlb_tensors(
    *paths: str | Path,
    set_name: str | None = None,
    bin_ms: int | None = None,
    phase: Phase | None = None,
) -> Tensors:
    """Read the tensors of one set from one file, or from inputs and targets in several.

    Reads what `write_nlb_tensors`, `nlb_tools` and lfads-torch write; dtypes are those of the file.
    Arrays at the top of a file are inputs, those of the group targets; of a file with the groups of
    many sets only the one that is asked for is read. Where there is no group, yet held-out spikes
    of evaluation trials are at the top, names tell what is a target.

    Args:
        paths: `read_nlb_tensors("both.h5")`, `read_nlb_tensors("train_input.h5", "eval_input.h5",
            "eval_target.h5")`.
        set_name, bin_ms: needed where neither a group's name nor the file tells, and where there
            are several groups.
        phase: by default as the files say, or else 'val' where held-out spikes of evaluation trials
            are among the targets, 'test' where they are not.

    Raises:
        DataError: when a file cannot be read, the set or bin width is not told or told in two ways,
            the files are of another phase, two files differ in an array, or sizes do not fit.
    """
    if not paths:
        raise DataError("read_nlb_tensors was given no file: give one path or more.")
    every_path = listed(paths, characters=OF_PATHS)
    found = [_found(path, (set_name, bin_ms)) for path in paths]
    name, width = _label(found, set_name, bin_ms)
    inputs, targets = _sorted_arrays(found, group_name(name, width))
    phases = {file.labels.get("phase") for file in found} & set(get_args(Phase))
    if phase and phases - {phase}:
        raise DataError(
            f"{every_path}: of phase {listed(phases)}, not {phase}; give files of this phase."
        )
    tensors = Tensors(name, width, phase or _phase(phases, targets), inputs, targets)
    every = (*inputs.items(), *targets.items())
    check_together(
        listed(paths, characters=OF_PATHS), {array_name: array.shape for array_name, array in every}
    )
    return tensors


def _phase(told: set[Any], targets: Mapping[str, np.ndarray]) -> Phase:
    """The phase the files tell, or else 'val' where the truth is among the targets."""
    if len(told) == 1:
        return cast(Phase, told.pop())
    return "val" if TRUTH in targets else "test"


def read_targets(path: str | Path) -> tuple[Tensors, ...]:
    """The targets of every set in a file.

    They are one `Tensors` without inputs for each group of the benchmark.

    Raises:
        DataError: when the file cannot be read or holds no group of the benchmark.
    """
    groups = _found(path).groups
    if not groups:
        raise DataError(
            f"{path} holds no group of the benchmark: targets lie in one, such as 'mc_maze_20'."
        )
    return tuple(
        Tensors(*parse_group(group), _phase(set(), arrays), {}, arrays)
        for group, arrays in groups.items()
    )


@dataclass(frozen=True)
class _Found:
    """What a file holds."""

    path: Path
    top: Mapping[str, np.ndarray]
    groups: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    labels: Mapping[str, Any] = field(default_factory=dict)


def _found(path: str | Path, asked: tuple[str | None, int | None] = (None, None)) -> _Found:
    """All that a file holds, or of its groups the one asked for, where it is there."""
    with opened_hdf5(path) as file:
        top, groups = stored_datasets(file)
        known = list(filter(is_group, groups))
        wanted = [name for name in known if parse_group(name) == asked] or known
        named = {"": top} | {name: groups[name] for name in wanted}
        arrays = _arrays(path, named)
        labels = stored_labels(path, file)
    return _Found(Path(path), arrays.pop(""), arrays, labels)


def stored_labels(path: str | Path, file: "h5py.File") -> dict[str, Any]:
    """Set, bin width in ms and phase, as far as a file tells them.

    Raises:
        DataError: for one that the benchmark does not have.
    """
    told = {
        name: single(path, name, attribute(file, name)) for name in LABELS if name in file.attrs
    }
    if "set_name" in told:
        nlb_set(told["set_name"])
    if "bin_ms" in told:
        told["bin_ms"] = check_bin_ms(told["bin_ms"])
    if "phase" in told:
        one_of(f"phase in {path}", told["phase"], get_args(Phase), DataError)
    return told


def _arrays(path: str | Path, groups: Mapping[str, Datasets]) -> dict[str, dict[str, np.ndarray]]:
    """What groups hold, all seen to fit before any of it is read."""
    kept: dict[str, Datasets] = {}
    left_out: list[str] = []
    for group, datasets in groups.items():
        kept[group], strangers = without_strangers(datasets)
        left_out += strangers
        check_together(path, {name: each.shape or () for name, each in kept[group].items()})
    if left_out:
        warnings.warn(strangers_left_out(path, left_out), DataWarning, stacklevel=5)
    every = {_path(g, n): each for g, datasets in kept.items() for n, each in datasets.items()}
    values = read_arrays(path, every)
    return {
        group: _named({name: values.pop(_path(group, name)) for name in datasets})
        for group, datasets in kept.items()
    }


def _path(group: str, name: str) -> str:
    return f"{group}/{name}" if group else name


def _named(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays under the benchmark's names, lists as such."""
    arrays = from_lfads_torch(arrays) if ENCODED in arrays else arrays
    return {name: as_ragged(name, a) if is_ragged(name, a) else a for name, a in arrays.items()}


def _label(found: list[_Found], set_name: str | None, bin_ms: int | None) -> tuple[str, int]:
    """The set and bin width on which group names, attributes and arguments agree."""
    paths = listed([file.path for file in found], characters=OF_PATHS)
    groups = {parse_group(group) for file in found for group in file.groups}
    fits = {g for g in groups if set_name in (None, g[0]) and bin_ms in (None, g[1])}
    if len(groups) > 1 and len(fits) != 1:
        named = listed(sorted(f"{name} at {width} ms" for name, width in groups))
        raise DataError(f"{paths} hold {named}: give the set_name and bin_ms of one of them.")
    told = fits or groups
    names = [g[0] for g in told] + [file.labels.get("set_name") for file in found] + [set_name]
    widths = [g[1] for g in told] + [file.labels.get("bin_ms") for file in found] + [bin_ms]
    name, width = _agreed("set_name", names, paths), _agreed("bin_ms", widths, paths)
    return parse_group(Tensors(name, width, "val", {}, {}).group)


def _agreed(label: str, told: Sequence[T | None], paths: str) -> T:
    """The one value that was told, be it once or several times."""
    values = {value for value in told if value is not None}
    if not values:
        raise DataError(f"{paths} does not say which {label} it holds: pass {label}.")
    if len(values) > 1:
        raise DataError(
            f"{label} is {' and '.join(sorted(map(str, values)))} for {paths}: files and arguments "
            "must agree, for sets and bin widths do not mix."
        )
    return values.pop()


def _sorted_arrays(
    found: list[_Found], group: str
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Inputs and targets of one set.

    Raises:
        DataError: when two files differ in an array, or there is none at all.
    """
    paths = listed([file.path for file in found], characters=OF_PATHS)
    top = _united([file.top for file in found], paths)
    targets = _united([file.groups.get(group, {}) for file in found], paths)
    if not INPUTS & set(top) and not targets and TRUTH not in top:
        raise DataError(
            f"{paths} hold no array of the benchmark: there is {listed(top)} at the top."
        )
    if targets or TRUTH not in top:
        return top, targets
    inputs = {name: array for name, array in top.items() if name in INPUTS}
    return inputs, {
        name: a for name, a in top.items() if name not in INPUTS or name == "train_behavior"
    }


def _united(several: Sequence[Mapping[str, np.ndarray]], paths: str) -> dict[str, np.ndarray]:
    """The arrays of all files by name."""
    united: dict[str, np.ndarray] = {}
    for name, array in ((name, array) for arrays in several for name, array in arrays.items()):
        first = united.setdefault(name, array)
        if first is not array and not _equal(first, array):
            raise DataError(f"{paths} differ in {name}: give files of the same trials.")
    return united


def _equal(first: np.ndarray, second: np.ndarray) -> bool:
    if first.dtype.kind == second.dtype.kind == "O":
        return len(first) == len(second) and all(map(np.array_equal, first, second))
    return np.array_equal(first, second, equal_nan=True)
