"""The arrays lfads-torch has for a set, and back."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.nlb.random_tensors import N_HELDIN, random_tensors
from tests.nlb.test_files import assert_same, write_flat
from undertow.errors import DataError
from undertow.nlb import Tensors, read_nlb_tensors, write_nlb_tensors


@pytest.mark.parametrize("set_name", ["area2_bump", "dmfc_rsg", "mc_rtt"])
def test_entry_by_entry_and_back(tmp_path: Path, set_name: str) -> None:
    tensors = random_tensors(set_name, 5)
    path = write_nlb_tensors(tensors, tmp_path / "lfads.h5", layout="lfads-torch")
    with h5py.File(path) as file:
        found = {name: dataset[()] for name, dataset in file.items()}
    arrays = {**tensors.inputs, **tensors.targets}
    for part, theirs in (("train", "train"), ("eval", "valid")):
        np.testing.assert_array_equal(
            found[f"{theirs}_encod_data"], arrays[f"{part}_spikes_heldin"]
        )
        spikes = found[f"{theirs}_recon_data"]
        blocks = {
            "heldin": spikes[:, :16, :N_HELDIN],
            "heldout": spikes[:, :16, N_HELDIN:],
            "heldin_forward": spikes[:, 16:, :N_HELDIN],
            "heldout_forward": spikes[:, 16:, N_HELDIN:],
        }
        for name, block in blocks.items():
            np.testing.assert_array_equal(block, arrays[f"{part}_spikes_{name}"])
        np.testing.assert_array_equal(found[f"{theirs}_behavior"], arrays[f"{part}_behavior"])
    assert {name.replace("valid", "eval") for name in found} - {
        "train_encod_data",
        "train_recon_data",
    } == {
        "eval_encod_data",
        "eval_recon_data",
        *(name for name in tensors.targets if "_spikes_" not in name),
    }
    behavior = {"train_behavior": tensors.targets["train_behavior"]}
    assert_same(read_nlb_tensors(path), replace(tensors, inputs={**tensors.inputs, **behavior}))


def test_a_file_without_forward_bins_or_labels(tmp_path: Path) -> None:
    spikes = np.arange(60.0).reshape(3, 4, 5)
    arrays = {f"{part}_recon_data": spikes for part in ("train", "valid")}
    arrays |= {f"{part}_encod_data": spikes[..., :2] for part in ("train", "valid")}
    path = write_flat(tmp_path / "lfads.h5", {**arrays, "valid_truth": spikes})
    found = read_nlb_tensors(path, set_name="mc_maze", bin_ms=20)
    assert set(found.inputs) == {
        "train_spikes_heldin",
        "train_spikes_heldout",
        "eval_spikes_heldin",
    }
    assert set(found.targets) == {"eval_spikes_heldout"}
    np.testing.assert_array_equal(found.targets["eval_spikes_heldout"], spikes[..., 2:])


def test_what_the_layout_cannot_hold(tmp_path: Path) -> None:
    tensors = Tensors("mc_maze", 5, "test", random_tensors("mc_maze", 5).inputs, {})
    with pytest.raises(
        DataError, match="there is no eval_spikes_heldout: lfads-torch's layout needs all spikes"
    ):
        write_nlb_tensors(tensors, tmp_path / "lfads.h5", layout="lfads-torch")
    assert not list(tmp_path.iterdir())
    encoded = {"train_encod_data": np.zeros((3, 4, 2))}
    with pytest.raises(DataError, match="there is no train_recon_data"):
        read_nlb_tensors(write_flat(tmp_path / "a.h5", encoded), set_name="mc_maze", bin_ms=5)
    arrays = {**encoded, "train_recon_data": np.zeros((3, 3, 5))}
    with pytest.raises(
        DataError, match=r"train_recon_data has shape \(3, 3, 5\): it must .* \(3, 4, 2\)"
    ):
        read_nlb_tensors(write_flat(tmp_path / "b.h5", arrays), set_name="mc_maze", bin_ms=5)
