"""HDF5 in the layout of lfads-torch: `train_encod_data`, `train_recon_data` and what goes with it.

Sedler and Pandarinath 2023, "lfads-torch: A modular and extensible implementation of latent factor
analysis via dynamical systems". Encoded data are the held-in neurons in the window; reconstructed
data are all neurons, held-in first, in the window and the forward bins.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.data.readers.hdf5_file import declared, plain_array, single_value
from undertow.data.readers.nlb_hdf5 import members, set_fields
from undertow.data.readers.schema import Declared, check_kind, check_sizes, needed_width
from undertow.errors import DataError

if TYPE_CHECKING:
    import h5py

PARTS = {"train": "train", "valid": "val", "test": "test"}
"""Their word for a part → the split label."""
USED = ("encod_data", "recon_data", "behavior", "inds")


def encoded_parts(file: "h5py.File") -> list[str]:
    """The parts ('train', 'valid', 'test') that a file has in this layout; empty for another."""
    return [part for part in PARTS if f"{part}_encod_data" in file]


def read_lfads_torch_fields(
    path: str | Path, file: "h5py.File", parts: list[str], bin_s: float | None
) -> dict[str, Any]:
    """The fields of a `TrialSet`.

    Neurons beyond the encoded ones are held out, bins beyond them are forward bins; without
    reconstructed data there are neither. Trials are labelled 'train', 'val' and 'test', in the
    original order where `*_inds` give it. `*_behavior` is (trials, time, channels), missing in
    forward bins, or (trials, channels); `*_cond_idx`, a list of trials per condition, give the
    conditions.

    Args:
        path: the file, for errors.
        file: open.
        parts: those it has.
        bin_s: the file's bin width in seconds; None where neither the file nor the caller tells it.

    Raises:
        DataError: when nothing tells the bin width, or arrays do not fit.
    """
    bin_s = needed_width(path, bin_s)
    found = _checked(path, file, parts)
    n_time, n_heldin = found[f"{parts[0]}_encod_data"].shape[1:]
    whole = [found[f"{part}_recon_data"] for part in parts if f"{part}_recon_data" in found]
    n_all, n_neurons = whole[0].shape[1:] if whole else (n_time, n_heldin)
    arrays = {name: plain_array(file[name]) for name in found}
    sizes = {part: len(arrays[f"{part}_encod_data"]) for part in parts}
    behavior = _behavior(arrays, sizes, n_time, n_all)
    fields: dict[str, Any] = {
        "spikes": np.concatenate([_spikes(arrays, part, (n_all, n_neurons)) for part in parts]),
        "split": np.repeat([PARTS[part] for part in parts], list(sizes.values())),
        "behavior": behavior,
        "condition": _condition(path, file, sizes),
    }
    if all(f"{part}_inds" in arrays for part in parts):
        order = np.argsort(
            np.concatenate([arrays[f"{part}_inds"] for part in parts]), kind="stable"
        )
        fields = {name: None if v is None else v[order] for name, v in fields.items()}
    n_channels = 0 if behavior is None else behavior.shape[2]
    return {
        **fields,
        "bin_s": bin_s,
        "heldout": np.arange(n_neurons) >= n_heldin,
        "forward_bins": n_all - n_time,
        **set_fields(str(single_value(file, "set_name")), n_channels),
    }


def _checked(path: str | Path, file: "h5py.File", parts: list[str]) -> dict[str, Declared]:
    """The arrays that are used, seen to fit each other before any is read."""
    names = [f"{part}_{name}" for part in parts for name in USED]
    found = {name: declared(file[name], name) for name in names if name in file}
    for each in found.values():
        check_kind(path, each.name, each.dtype)
    first = {
        name: next((found[f"{p}_{name}"] for p in parts if f"{p}_{name}" in found), None)
        for name in USED
    }
    for part in parts:
        encoded = found[f"{part}_encod_data"]
        for name, reference in first.items():
            array = found.get(f"{part}_{name}")
            if array is not None and reference is not None:
                _check_fit(path, name, array, encoded, reference)
    check_sizes(path, found.values())
    return found


def _check_fit(
    path: str | Path, name: str, each: Declared, encoded: Declared, first: Declared
) -> None:
    n_trials, n_axes = encoded.shape[:1], len(each.shape)
    holds = all(n >= m for n, m in zip(each.shape, encoded.shape, strict=False))
    fits = {
        "encod_data": n_axes == 3,
        "recon_data": n_axes == 3 and holds,
        "behavior": n_axes == 2 or (n_axes == 3 and each.shape[1:2] == encoded.shape[1:2]),
        "inds": n_axes == 1,
    }[name]
    if not fits or each.shape[:1] != n_trials or each.shape[1:] != first.shape[1:]:
        raise DataError(
            f"{each.name} in {path} has shape {each.shape}: it does not fit {encoded.name}, "
            f"{encoded.shape}, or {first.name}, {first.shape}; spikes are (trials, time, neurons), "
            "and reconstructed data hold the encoded."
        )


def _spikes(arrays: Mapping[str, np.ndarray], part: str, shape: tuple[int, int]) -> np.ndarray:
    """All neurons and bins of one part; NaN where only encoded data are there."""
    if (whole := arrays.get(f"{part}_recon_data")) is not None:
        return whole
    encoded = arrays[f"{part}_encod_data"]
    spikes = np.full((len(encoded), *shape), np.nan, np.float32)
    spikes[:, : encoded.shape[1], : encoded.shape[2]] = encoded
    return spikes


def _behavior(
    arrays: Mapping[str, np.ndarray], sizes: Mapping[str, int], n_time: int, n_all: int
) -> np.ndarray | None:
    """Behaviour of all trials; NaN in forward bins and in a part that has none."""
    there = {part: arrays[f"{part}_behavior"] for part in sizes if f"{part}_behavior" in arrays}
    if not there:
        return None
    n_channels = next(iter(there.values())).shape[-1]
    behavior = {part: np.full((n, n_all, n_channels), np.nan) for part, n in sizes.items()}
    for part, values in there.items():
        behavior[part][:, :n_time] = values if values.ndim == 3 else values[:, None]
    return np.concatenate(list(behavior.values()))


def _condition(path: str | Path, file: "h5py.File", sizes: Mapping[str, int]) -> np.ndarray | None:
    names = {part: f"{part}_cond_idx" for part in sizes}
    if any(name not in file for name in names.values()):
        return None
    return np.concatenate(
        [members(path, names[part], file[names[part]][()], n) for part, n in sizes.items()]
    )
