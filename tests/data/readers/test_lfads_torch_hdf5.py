"""HDF5 in lfads-torch's layout: what `undertow nlb` writes comes back, and what does not fit."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.nlb.random_tensors import N_HELDIN, random_tensors
from undertow.data import load, read_hdf5
from undertow.errors import DataError
from undertow.nlb import write_nlb_tensors

RNG = np.random.default_rng(0)
SPIKES = RNG.poisson(1.0, (6, 10, 5)).astype(np.uint8)


def write(path: Path, **arrays: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


def parts(**more: Any) -> dict[str, Any]:
    """Four training and two validation trials: 3 of 5 neurons in 8 of 10 bins are encoded."""
    rows = {"train": slice(0, 4), "valid": slice(4, 6)}
    arrays = {f"{part}_encod_data": SPIKES[rows[part], :8, :3] for part in rows}
    return arrays | {f"{part}_recon_data": SPIKES[rows[part]] for part in rows} | more


@pytest.mark.parametrize("set_name", ["area2_bump", "dmfc_rsg", "mc_rtt"])
def test_the_benchmark_in_this_layout_gives_the_same_trials(tmp_path: Path, set_name: str) -> None:
    tensors = random_tensors(set_name, 5)
    one = load(write_nlb_tensors(tensors, tmp_path / "lfads.h5", layout="lfads-torch"))
    other = load(write_nlb_tensors(tensors, tmp_path / "benchmark.h5"))
    for name in ("spikes", "behavior", "condition", "split", "heldout"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    for name in ("bin_s", "start_s", "event", "forward_bins", "behavior_names"):
        assert getattr(one, name) == getattr(other, name)
    assert (~one.heldout).sum() == N_HELDIN


def test_neurons_and_bins_beyond_the_encoded_are_hidden(tmp_path: Path) -> None:
    trials = read_hdf5(write(tmp_path / "a.h5", **parts()), bin_s=0.005)
    np.testing.assert_array_equal(trials.spikes, SPIKES)
    assert trials.split.tolist() == ["train"] * 4 + ["val"] * 2
    assert trials.heldout.tolist() == [False] * 3 + [True] * 2
    assert (trials.forward_bins, trials.bin_s) == (2, 0.005)


def test_trials_return_to_their_order_and_behaviour_is_missing_in_forward_bins(
    tmp_path: Path,
) -> None:
    behavior = RNG.normal(size=(4, 8, 2))
    path = write(
        tmp_path / "b.h5",
        **parts(train_inds=[5, 0, 1, 2], valid_inds=[3, 4], train_behavior=behavior),
    )
    trials = read_hdf5(path, bin_s=0.005)
    np.testing.assert_array_equal(trials.spikes, SPIKES[[1, 2, 3, 4, 5, 0]])
    np.testing.assert_allclose(trials.behavior[5, :8], behavior[0], rtol=1e-6)
    assert np.isnan(trials.behavior[5, 8:]).all()
    assert np.isnan(trials.behavior[3:5]).all()


def test_encoded_data_alone_have_nothing_hidden(tmp_path: Path) -> None:
    path = write(tmp_path / "c.h5", train_encod_data=SPIKES, valid_encod_data=SPIKES)
    trials = read_hdf5(path, bin_s=0.01)
    assert (trials.shape, trials.forward_bins, trials.heldout.any()) == ((12, 10, 5), 0, False)
    one = parts()
    del one["valid_recon_data"]
    mixed = read_hdf5(write(tmp_path / "d.h5", **one), bin_s=0.01)
    assert np.isnan(mixed.spikes[4:, :, 3:]).all()


WRONG = [
    (parts(train_recon_data=SPIKES[:4, :7]), "train_recon_data in .* does not fit train_encod"),
    (parts(valid_recon_data=SPIKES[:2, :, :4]), r"valid_recon_data in .*\(2, 10, 4\)"),
    (parts(valid_encod_data=SPIKES[4:, :8, 0]), r"valid_encod_data in .* has shape \(2, 8\)"),
    (parts(train_encod_data=SPIKES[:4, :8, :3] * 1j), "train_encod_data in .* complex numbers"),
    (parts(train_behavior=np.ones((4, 7, 2))), "train_behavior in .* does not fit"),
    (parts(train_cond_idx=[[0, 99]], valid_cond_idx=[[0]]), "train_cond_idx in .* holds 99"),
    (parts(train_inds=[0, 1], valid_inds=[2, 3]), "train_inds in .* does not fit"),
]


@pytest.mark.parametrize(("arrays", "message"), WRONG)
def test_what_does_not_fit_is_refused_by_name(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_hdf5(write(tmp_path / "wrong.h5", **arrays), bin_s=0.005)


def test_nothing_tells_the_bin_width(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not say how wide its bins are: pass bin_s"):
        read_hdf5(write(tmp_path / "w.h5", **parts()))
