"""HDF5 in the layout of the Neural Latents Benchmark: `train_spikes_heldin` and what goes with it.

Pei, Ye et al. 2021, "Neural Latents Benchmark '21" (NeurIPS Datasets and Benchmarks): inputs lie at
the top of a file, targets in a group named after the data set, `mc_maze` at 5 ms bins, `mc_maze_20`
at 20 ms.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.readers.hdf5_file import single_value
from undertow.data.readers.nlb_schema import (
    Datasets,
    Shapes,
    check_axes,
    check_dense,
    read_arrays,
)
from undertow.data.readers.nlb_sets import FINE_MS, NLB_SETS
from undertow.data.readers.schema import indices, needed_width
from undertow.data.signals import channel_names
from undertow.errors import DataError
from undertow.names import listed

if TYPE_CHECKING:
    import h5py

PARTS = ("train", "eval")
POPULATIONS = ("heldin", "heldout")
FORWARD = "_forward"
_OURS = re.compile(r"(train|eval)_(spikes_held(in|out)(_forward)?|behavior|cond_idx)")


def stored_datasets(file: "h5py.File") -> tuple[Datasets, dict[str, Datasets]]:
    """The datasets at the top of a file, and those of each group, by name.

    Nothing is read yet.
    """
    groups = {name: item for name, item in file.items() if hasattr(item, "keys")}
    return _datasets(file), {name: _datasets(item) for name, item in groups.items()}


def _datasets(group: "h5py.Group") -> Datasets:
    return {name: item for name, item in group.items() if hasattr(item, "shape")}


@dataclass(frozen=True, eq=False)
class NLBArrays:
    """The arrays of a file by name, with the name of their group and of the set.

    The group is '' where all arrays lie at the top of the file.
    """

    arrays: Datasets
    group: str
    set_name: str = ""

    @property
    def bin_s(self) -> float | None:
        """The bin width that the group's name tells, in seconds.

        It is the name's suffix in ms, and 5 ms for the bare name of a set.
        """
        if suffix := re.fullmatch(r".+_(\d{1,9})", self.group):
            return int(suffix[1]) / 1e3
        return FINE_MS / 1e3 if self.group in NLB_SETS else None


def nlb_arrays(path: str | Path, file: "h5py.File") -> NLBArrays | None:
    """What a file holds in this layout, at the top or in a group.

    None where the file is in another layout.

    Raises:
        DataError: when several groups hold such arrays.
    """
    top, inner = stored_datasets(file)
    groups = {name: named for name, datasets in inner.items() if (named := _named(datasets))}
    found = _named(top) | {k: v for group in groups.values() for k, v in group.items()}
    if not any(f"{part}_spikes_heldin" in found for part in PARTS):
        return None
    if len(groups) > 1:
        raise DataError(
            f"{path} holds several data sets ({listed(groups)}): keep one group in each file."
        )
    group = next(iter(groups), "")
    told = single_value(file, "set_name")
    return NLBArrays(found, group, re.sub(r"_\d+$", "", group) if told is None else str(told))


def _named(datasets: Datasets) -> dict[str, "h5py.Dataset"]:
    """The arrays whose names belong to the layout."""
    return {name: dataset for name, dataset in datasets.items() if _OURS.fullmatch(name)}


def read_nlb_fields(path: str | Path, found: NLBArrays, bin_s: float | None) -> dict[str, Any]:
    """The fields of a `TrialSet` from the arrays of the benchmark's layout.

    They are `{train,eval}_spikes_{heldin,heldout}[_forward]` and `{train,eval}_behavior`.

    Training trials come first, labelled 'train'. Evaluation trials are labelled 'val' where the
    file holds their held-out or forward spikes, 'test' where it does not; what is not there is NaN.
    Held-in neurons come first; the forward bins follow the window. `{train,eval}_cond_idx`, a list
    of trials per condition, give the conditions. Behaviour of one row a trial, (trials, channels),
    is constant over the trial. Where the file is of one of the benchmark's sets, the window's event
    and start and the channels have their names.

    Args:
        path: the file, for errors.
        found: its arrays.
        bin_s: the file's bin width in seconds; None where neither the file nor the caller tells it.

    Raises:
        DataError: when nothing tells the bin width, or shapes do not fit.
    """
    bin_s = needed_width(path, bin_s)
    shapes = {name: dataset.shape or () for name, dataset in found.arrays.items()}
    sizes = _Sizes.of(path, shapes)
    _check_behavior(path, shapes, sizes)
    check_dense(str(path), sizes.dense)
    arrays = read_arrays(path, found.arrays)
    heldout = np.repeat([False, True], [sizes.neurons[population] for population in POPULATIONS])
    known = any(
        f"eval_spikes_{name}" in arrays for name in ("heldout", "heldin_forward", "heldout_forward")
    )
    label = {"train": "train", "eval": "val" if known else "test"}
    behavior = _behavior(arrays, sizes)
    return {
        "spikes": np.concatenate([_spikes(arrays, part, sizes) for part in sizes.trials]),
        "bin_s": bin_s,
        "heldout": heldout,
        "forward_bins": sizes.forward,
        "split": np.repeat([label[part] for part in sizes.trials], list(sizes.trials.values())),
        "behavior": behavior,
        "condition": _condition(path, arrays, sizes),
        **set_fields(found.set_name, 0 if behavior is None else behavior.shape[2]),
    }


def set_fields(set_name: str, n_channels: int) -> dict[str, Any]:
    """What is known of a set beyond its arrays.

    These are the event, the window's start and the names of behaviour channels.
    """
    if set_name not in NLB_SETS:
        return {}
    entry = NLB_SETS[set_name]
    fields: dict[str, Any] = {"event": entry.align, "start_s": entry.window_ms[0] / 1e3}
    names = entry.behavior_columns or channel_names(entry.behavior_series, n_channels)
    return fields | ({"behavior_names": names} if n_channels == len(names) else {})


@dataclass(frozen=True)
class _Sizes:
    """The number of trials of each part, bins of the window, forward bins, and neurons."""

    trials: Mapping[str, int]
    window: int
    forward: int
    neurons: Mapping[str, int]

    @classmethod
    def of(cls, path: str | Path, every: Shapes) -> "_Sizes":
        """The sizes that all arrays of spikes agree on.

        Raises:
            DataError: naming the array that does not.
        """
        check_axes(path, every)
        shapes = {name: shape for name, shape in every.items() if "_spikes_" in name}
        parts = [part for part in PARTS if f"{part}_spikes_heldin" in shapes]
        sizes = cls(
            trials={part: shapes[f"{part}_spikes_heldin"][0] for part in parts},
            window=shapes[f"{parts[0]}_spikes_heldin"][1],
            forward=max((s[1] for n, s in shapes.items() if n.endswith(FORWARD)), default=0),
            neurons={
                p: max((s[2] for n, s in shapes.items() if p in n), default=0) for p in POPULATIONS
            },
        )
        for name, shape in shapes.items():
            if shape != sizes.expected(name):
                raise DataError(
                    f"{name} in {path} has shape {shape}: beside the other arrays it must be "
                    f"{sizes.expected(name)}."
                )
        return sizes

    def expected(self, name: str) -> tuple[int, int, int]:
        """The shape of an array of spikes."""
        part, _, population = name.split("_")[:3]
        bins = self.forward if name.endswith(FORWARD) else self.window
        return self.trials.get(part, 0), bins, self.neurons[population]

    @property
    def n_time(self) -> int:
        return self.window + self.forward

    @property
    def dense(self) -> tuple[int, int, int]:
        """Trials, bins and neurons of all parts together."""
        return sum(self.trials.values()), self.n_time, sum(self.neurons.values())


def _spikes(arrays: Mapping[str, np.ndarray], part: str, sizes: _Sizes) -> np.ndarray:
    """Spikes of all neurons and bins of one part, (trials, window + forward, neurons).

    They are NaN where there is no array.
    """
    missing = np.full(
        (sizes.trials[part], sizes.n_time, sum(sizes.neurons.values())), np.nan, np.float32
    )
    n_heldin = sizes.neurons["heldin"]
    for population, neurons in zip(
        POPULATIONS, (slice(n_heldin), slice(n_heldin, None)), strict=True
    ):
        for suffix, bins in (("", slice(sizes.window)), (FORWARD, slice(sizes.window, None))):
            name = f"{part}_spikes_{population}{suffix}"
            if name in arrays:
                with np.errstate(over="ignore"):  # too large a count is refused as infinite
                    missing[:, bins, neurons] = arrays[name]
    return missing


def _check_behavior(path: str | Path, shapes: Shapes, sizes: _Sizes) -> None:
    """See that behaviour is (trials, time, channels), or of one row a trial, (trials, channels).

    Raises:
        DataError: naming the array that is not.
    """
    there = [(part, f"{part}_behavior") for part in sizes.trials if f"{part}_behavior" in shapes]
    for part, name in there:
        shape, n_channels = shapes[name], shapes[there[0][1]][-1:]
        if len(shape) not in (2, 3):
            raise DataError(
                f"{name} in {path} has shape {shape}: it must be (trials, time, channels) or "
                "(trials, channels)."
            )
        n = sizes.trials[part]
        allowed = [(n, sizes.window, *n_channels), (n, *n_channels)]
        if shape not in allowed:
            raise DataError(
                f"{name} in {path} has shape {shape}: it must be {allowed[0]} or {allowed[1]}."
            )


def _behavior(arrays: Mapping[str, np.ndarray], sizes: _Sizes) -> np.ndarray | None:
    """Behaviour of all trials; NaN in forward bins and in a part that has none."""
    there = {
        part: arrays[f"{part}_behavior"] for part in sizes.trials if f"{part}_behavior" in arrays
    }
    if not there:
        return None
    n_channels = next(iter(there.values())).shape[-1]
    behavior = {
        part: np.full((n, sizes.n_time, n_channels), np.nan) for part, n in sizes.trials.items()
    }
    for part, values in there.items():
        behavior[part][:, : sizes.window] = values if values.ndim == 3 else values[:, None]
    return np.concatenate(list(behavior.values()))


def _condition(
    path: str | Path, arrays: Mapping[str, np.ndarray], sizes: _Sizes
) -> np.ndarray | None:
    """The number of each trial's condition, −1 for trials that are in none.

    None where a part has no list of them.
    """
    names = {part: f"{part}_cond_idx" for part in sizes.trials}
    if any(name not in arrays for name in names.values()):
        return None
    return np.concatenate(
        [members(path, names[part], arrays[names[part]], n) for part, n in sizes.trials.items()]
    )


def members(path: str | Path, name: str, lists: np.ndarray, n_trials: int) -> np.ndarray:
    """The number of each trial's condition from lists of trials; −1 for trials in none.

    Raises:
        DataError: for what is no list of trials, or a trial that is not there.
    """
    condition = np.full(n_trials, -1)
    for k, trials in enumerate(np.atleast_1d(lists)):
        condition[indices(path, name, np.atleast_1d(trials), n_trials, "trials")] = k
    return condition
