"""HDF5 in the LFADS layout and in that of the benchmark."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.campaigns import bytewise, hostile
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import hdf5_changes, reading

N = (reading.N_TRIALS, reading.N_TIME, reading.N_NEURONS)
OPTIONS: dict[str, tuple[Any, ...]] = {
    "bin_s": (0.02, 0.04, 1e-9, 1e9, float("nan")),
    "file_bin_s": (0.02, 0.0, float("nan")),
}


def make_lfads(rng: Rng, folder: Path) -> Made:
    """`train_data` and what goes with it."""
    return _made(rng, folder, _lfads(rng))


def make_benchmark(rng: Rng, folder: Path) -> Made:
    """`train_spikes_heldin` and what goes with it, in a group of the set's name."""
    group = str(pick(rng, ("", "mc_maze", "mc_maze_20", "dmfc_rsg_5", "other_0", "x_99999999999")))
    fields = _benchmark(rng, "dmfc_rsg" if group.startswith("dmfc") else "mc_maze")
    placed = {f"{group}/{name}": value for name, value in fields.items()}
    return _made(rng, folder, placed | ({"@bin_ms": np.array(20)} if chance(rng, 0.8) else {}))


def _made(rng: Rng, folder: Path, fields: dict[str, Any]) -> Made:
    path, said = folder / "recording.h5", []
    if chance(rng, 0.45):
        fields, said = hostile.fields(rng, fields)
    write(path, fields)
    if chance(rng, 0.45) or not said:
        said += hdf5_changes.change(rng, path)
    if chance(rng, 0.15):
        said.append(bytewise.damage(rng, path))
    return Made(path, said, reading.options(rng, OPTIONS) if chance(rng, 0.2) else {})


def write(path: Path, fields: dict[str, Any]) -> None:
    """Arrays by path, those named '@…' as attributes of the file."""
    with h5py.File(path, "w") as file:
        for name, value in fields.items():
            stored = hdf5_changes.storable(value)
            if name.startswith("@"):
                file.attrs[name[1:]] = stored
            else:
                file[name or "nameless"] = stored


def _lfads(rng: Rng) -> dict[str, Any]:
    counts = rng.poisson(1.0, (8, *N[1:]))
    held = {
        "train_data": counts[:6],
        "valid_data": counts[6:],
        "train_truth": np.repeat([[[8.0]], [[9.0]]], 3, axis=0) * np.ones(N),
        "valid_truth": np.full((2, *N[1:]), 8.0),
        "train_inds": np.arange(6),
        "valid_inds": np.arange(6, 8),
        "train_condition": np.arange(6) % 2,
        "valid_condition": np.arange(2) % 2,
        "train_behavior": rng.normal(size=(*N[:2], 2)),
        "valid_behavior": rng.normal(size=(2, N[1], 2)),
        "behavior_names": np.array(["x", "y"]),
        "neuron_ids": np.arange(N[2]),
        "region": np.array(["A", "B", "A", "C"]),
        "heldout": np.arange(N[2]) == 2,
        "label_names": np.array(["choice"]),
        "train_label_0": np.array(["l", "r"] * 3),
        "valid_label_0": np.array(["l", "r"]),
        "dt": np.array(0.02),
        "n_init_conds": np.array(2),
        "@bin_s": np.array(0.02),
        "@start_s": np.array(-0.1),
        "@forward_bins": np.array(1),
        "@has_split": np.array(True),
        "@behavior_kind": np.array("continuous"),
    }
    kept = {stem: stem == "data" or chance(rng, 0.6) for stem in map(_stem, held)}
    return {name: value for name, value in held.items() if kept[_stem(name)]}


def _stem(name: str) -> str:
    """What comes and goes together: 'behavior' of 'train_behavior' and 'behavior_names'."""
    stem = name.removeprefix("train_").removeprefix("valid_")
    return {"behavior_names": "behavior", "label_names": "label_0"}.get(stem, stem)


def _benchmark(rng: Rng, set_name: str) -> dict[str, Any]:
    def spikes(n: int, bins: int, neurons: int) -> np.ndarray:
        return rng.poisson(1.0, (n, bins, neurons)).astype(np.uint8)

    held: dict[str, Any] = {}
    for part, n in (("train", 6), ("eval", 3)):
        for population, neurons in (("heldin", 4), ("heldout", 2)):
            held[f"{part}_spikes_{population}"] = spikes(n, 8, neurons)
            held[f"{part}_spikes_{population}_forward"] = spikes(n, 3, neurons)
        held[f"{part}_behavior"] = rng.normal(size=(n, 8, 2))
        held[f"{part}_cond_idx"] = np.arange(n) % 2
    held["train_decode_mask"] = np.ones((6, 1), bool)
    held["psth"] = np.full((2, 8, 6), 0.5)
    if set_name == "dmfc_rsg":
        held["train_behavior"], held["eval_behavior"] = rng.normal(size=(6, 7)), np.ones((3, 7))
    return {k: v for k, v in held.items() if k == "train_spikes_heldin" or chance(rng, 0.8)}


LFADS = Target("h5", make_lfads, reading.use, share=1.5)
BENCHMARK = Target("benchmark h5", make_benchmark, reading.use)
