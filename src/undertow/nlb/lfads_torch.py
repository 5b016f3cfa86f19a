"""The arrays lfads-torch reads and writes, such as `train_encod_data`, `train_recon_data`.

Sedler and Pandarinath 2023, "lfads-torch: A modular and extensible implementation of latent factor
analysis via dynamical systems". Encoded data are held-in neurons in the window; reconstructed data
are all neurons, held-in first, in the window and the forward bins; evaluation trials are called
'valid'.
"""

from collections.abc import Mapping

import numpy as np

from undertow.errors import DataError
from undertow.nlb.tensors import Tensors

PARTS = {"train": "train", "eval": "valid"}
PER_TRIAL = ("behavior", "cond_idx", "decode_mask", "jitter")
ENCODED = "train_encod_data"


def to_lfads_torch(tensors: Tensors) -> dict[str, np.ndarray]:
    """Tensors of the validation phase under lfads-torch's names.

    Raises:
        DataError: when held-out spikes of either part are missing, as those of test trials are.
    """
    arrays = {**tensors.inputs, **tensors.targets}
    renamed: dict[str, np.ndarray] = {}
    for part, theirs in PARTS.items():
        blocks = _blocks(arrays, part)
        renamed[f"{theirs}_encod_data"] = blocks[0][0]
        renamed[f"{theirs}_recon_data"] = np.concatenate(
            [np.concatenate(row, axis=2) for row in blocks], axis=1
        )
        for name in PER_TRIAL:
            if f"{part}_{name}" in arrays:
                renamed[f"{theirs}_{name}"] = arrays[f"{part}_{name}"]
    return renamed | ({"psth": arrays["psth"]} if "psth" in arrays else {})


def _blocks(arrays: Mapping[str, np.ndarray], part: str) -> list[list[np.ndarray]]:
    """Held-in and held-out spikes of one part.

    They are those in the window and, where there are any, in the forward bins.
    """
    names = [f"{part}_spikes_heldin", f"{part}_spikes_heldout"]
    if missing := [name for name in names if name not in arrays]:
        raise DataError(
            f"there is no {missing[0]}: lfads-torch's layout needs all spikes, so write phase "
            "'val' in it."
        )
    rows = [names, [f"{name}_forward" for name in names]]
    return [[arrays[name] for name in row] for row in rows if all(name in arrays for name in row)]


def from_lfads_torch(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The benchmark's names for lfads-torch's arrays.

    Arrays of other names are left out.

    Raises:
        DataError: when reconstructed data are missing, or have fewer bins or neurons than encoded
            data.
    """
    renamed: dict[str, np.ndarray] = {}
    for part, theirs in PARTS.items():
        if f"{theirs}_encod_data" in arrays:
            renamed |= _spikes(arrays, part, theirs)
        for name in PER_TRIAL:
            if f"{theirs}_{name}" in arrays:
                renamed[f"{part}_{name}"] = arrays[f"{theirs}_{name}"]
    return renamed | ({"psth": arrays["psth"]} if "psth" in arrays else {})


def _spikes(arrays: Mapping[str, np.ndarray], part: str, theirs: str) -> dict[str, np.ndarray]:
    encoded, name = arrays[f"{theirs}_encod_data"], f"{theirs}_recon_data"
    if name not in arrays:
        raise DataError(
            f"there is no {name}: lfads-torch's layout has it beside {theirs}_encod_data."
        )
    all_spikes = arrays[name]
    if (
        encoded.ndim != 3
        or all_spikes.ndim != 3
        or (np.array(all_spikes.shape) < encoded.shape).any()
    ):
        raise DataError(
            f"{name} has shape {all_spikes.shape}: it must be (trials, time, neurons) and hold "
            f"{theirs}_encod_data, {encoded.shape}."
        )
    n_time, n_heldin = encoded.shape[1:]
    spikes = {
        "heldin": encoded,
        "heldout": all_spikes[:, :n_time, n_heldin:],
        "heldin_forward": all_spikes[:, n_time:, :n_heldin],
        "heldout_forward": all_spikes[:, n_time:, n_heldin:],
    }
    return {
        f"{part}_spikes_{population}": values
        for population, values in spikes.items()
        if values.size
    }
