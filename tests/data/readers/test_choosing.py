"""`units` and `trials` choose neurons and trials of every format, by rules over its columns."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from scipy.io import savemat

from undertow.data import TrialSet, load, write_hdf5
from undertow.errors import DataError

COUNTS = np.random.default_rng(0).poisson(1.0, (6, 8, 4)).astype(np.uint8)
REGION = np.array(["MOp", "CP", "MOp", "PT"])
DEPTH = np.array([10.0, 20.0, 30.0, 40.0])
OUTCOME = np.array(["hit", "miss", "hit", "hit", "miss", "hit"])
RT = np.array([0.2, 0.3, np.nan, 0.9, 0.5, 0.6])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    per = {"region": REGION, "depth": DEPTH, "outcome": OUTCOME, "rt": RT}
    np.savez(tmp_path / "a.npz", spikes=COUNTS, bin_ms=10, **per)
    savemat(
        tmp_path / "a.mat",
        {"spikes": COUNTS, "bin_ms": 10.0, "rt": RT, "depth": DEPTH}
        | {name: np.array(per[name], dtype=object) for name in ("region", "outcome")},
    )
    trials = TrialSet(COUNTS, 0.01, region=REGION, labels={"outcome": OUTCOME})
    write_hdf5(trials, tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["depth"] = DEPTH
    dims = ("trial", "time", "neuron")
    coords = {"region": ("neuron", REGION), "depth": ("neuron", DEPTH)}
    counts = xarray.DataArray(COUNTS.astype(float), dims=dims, coords=coords, name="spikes")
    counts = counts.assign_coords(time=0.005 + 0.01 * np.arange(8), outcome=("trial", OUTCOME))
    counts.assign_coords(rt=("trial", RT)).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    return tmp_path


@pytest.mark.parametrize("name", ["a.npz", "a.mat", "a.h5", "a.nc"])
@pytest.mark.parametrize(
    ("rule", "neurons"),
    [
        ("region==MOp", [0, 2]),
        ("region in (CP, PT) and depth>20", [3]),
        ("not region==MOp", [1, 3]),
        ([3, 0], [3, 0]),
        ("neuron_id>=2", [2, 3]),
        ("rate_hz>=0 and heldout==false", [0, 1, 2, 3]),
    ],
)
def test_neurons_of_counts(folder: Path, name: str, rule: object, neurons: list[int]) -> None:
    trials = load(folder / name, units=rule)
    np.testing.assert_array_equal(trials.spikes, COUNTS[:, :, neurons])
    assert trials.region.tolist() == REGION[neurons].tolist()


@pytest.mark.parametrize("name", ["a.npz", "a.mat", "a.nc"])
@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("outcome==hit and rt<0.8", [0, 5]),
        ("isnan(rt) or outcome==miss", [1, 2, 4]),
        ("trial_id<2", [0, 1]),
        ("length_s>0.07", [0, 1, 2, 3, 4, 5]),
        (OUTCOME == "miss", [1, 4]),
    ],
)
def test_trials_of_counts(folder: Path, name: str, rule: object, rows: list[int]) -> None:
    np.testing.assert_array_equal(load(folder / name, trials=rule).spikes, COUNTS[rows])


def test_what_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(DataError, match=r"a\.npz: the units have no column 'regin': there is"):
        load(folder / "a.npz", units="regin==MOp")
    with pytest.raises(DataError, match=r"no row of the units .*region holds CP, MOp, PT"):
        load(folder / "a.npz", units="region==mop")
    with pytest.raises(DataError, match="the trials have no column 'depth'"):
        load(folder / "a.npz", trials="depth==1")
    with pytest.raises(DataError, match=r"have no option axes: there is condition, .*, trials"):
        load(folder / "a.npz", axes="go")
