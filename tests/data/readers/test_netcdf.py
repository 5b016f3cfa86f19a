"""xarray objects and netCDF files: names and coordinates in and out, units, missing bin widths."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray

from undertow.data import Prediction, TrialSet, describe, from_xarray, load, read_netcdf
from undertow.errors import DataError, DataWarning

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(1.0, (6, 8, 4))
WHOLE = TrialSet(
    COUNTS,
    0.02,
    start_s=-0.06,
    event="go",
    condition=["a", "b"] * 3,
    region=["M1", "M1", "PMd", "PMd"],
    neuron_ids=[3, 5, 7, 9],
    trial_ids=list("uvwxyz"),
    heldout=np.array([False, True, False, False]),
    forward_bins=2,
)


def with_counts(trials: TrialSet) -> xarray.Dataset:
    """The data set of a prediction, with the counts beside the rates."""
    dataset = Prediction(rates=np.ones(trials.spikes.shape), trials=trials).to_xarray()
    return dataset.assign(spikes=(("trial", "time", "neuron"), trials.spikes))


def same(one: TrialSet, other: TrialSet) -> None:
    for name in ("spikes", "condition", "region", "neuron_ids", "trial_ids", "heldout"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert one.start_s == pytest.approx(other.start_s)
    assert (one.bin_s, one.event, one.forward_bins) == (
        other.bin_s,
        other.event,
        other.forward_bins,
    )


def test_the_names_of_predictions_are_read_back() -> None:
    same(TrialSet.from_xarray(with_counts(WHOLE)), WHOLE)


def test_a_netcdf_file_gives_the_same(tmp_path: Path) -> None:
    with_counts(WHOLE).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    same(load(tmp_path / "a.nc"), WHOLE)
    assert read_netcdf(tmp_path / "a.nc", bin_s=0.04).n_time == 4
    found = describe(tmp_path / "a.nc")
    assert "spikes (trial 6, time 8, neuron 4)" in found["arrays"]
    assert found["kind"] == "netCDF (xarray)"


def test_an_array_in_any_order_with_milliseconds() -> None:
    array = xarray.DataArray(
        COUNTS.transpose(2, 1, 0),
        dims=("unit", "time", "trial"),
        coords={
            "time": ("time", 5.0 + 10.0 * np.arange(8), {"units": "ms"}),
            "stim": ("trial", list("abcabc")),
        },
    )
    trials = from_xarray(array, condition="stim", label="stim")
    np.testing.assert_array_equal(trials.spikes, COUNTS)
    assert trials.bin_s == pytest.approx(0.01)
    assert trials.start_s == pytest.approx(0.0)
    assert trials.condition.tolist() == trials.labels["stim"].tolist() == list("abcabc")
    wide = from_xarray(array.rename(unit="cluster"), dims=("trial", "time", "cluster"), bin_s=0.02)
    assert wide.n_time == 4
    nanoseconds = (5e6 + 10e6 * np.arange(8)).astype("timedelta64[ns]")
    assert from_xarray(array.assign_coords(time=nanoseconds)).bin_s == pytest.approx(0.01)


def test_behaviour_stimulus_and_truth() -> None:
    dataset = with_counts(WHOLE).assign(
        behavior=(("channel", "time", "trial"), RNG.normal(size=(2, 8, 6))),
        speed=(("trial", "time"), RNG.normal(size=(6, 8))),
        truth=(("trial", "time", "neuron"), np.full(COUNTS.shape, 50.0)),
    )
    named = dataset.assign_coords(channel=["wheel", "lick"])
    trials = from_xarray(named, stimulus="speed")
    assert trials.behavior_names == ("wheel", "lick")
    np.testing.assert_allclose(
        trials.behavior, dataset.behavior.values.transpose(2, 1, 0), rtol=1e-6
    )
    np.testing.assert_allclose(trials.stimulus[..., 0], dataset.speed.values, rtol=1e-6)
    assert (trials.truth == 50).all()
    both = from_xarray(dataset, behavior=["behavior", "speed"])
    assert both.behavior_names == ("behavior_x", "behavior_y", "speed")
    assert from_xarray(dataset, behavior=()).behavior is None


def test_the_bin_width_comes_from_where_it_is() -> None:
    bare = xarray.DataArray(COUNTS, dims=("trial", "time", "neuron"))
    assert from_xarray(bare, file_bin_s=0.01).bin_s == 0.01
    assert from_xarray(bare.assign_attrs(bin_s=0.03, event="cue")).event == "cue"
    with pytest.raises(
        DataError, match=r"no coordinate 'time' and no attribute bin_s: pass file_bin_s"
    ):
        from_xarray(bare)
    with pytest.raises(DataError, match="single bin"):
        from_xarray(bare.isel(time=[0]).assign_coords(time=[0.0]))


def uneven(dataset: xarray.Dataset) -> xarray.Dataset:
    return dataset.assign_coords(time=np.arange(8.0) ** 2)


WRONG: list[tuple[Callable[[xarray.Dataset], Any], dict[str, Any], str]] = [
    (lambda d: d.drop_vars("spikes"), {}, r"there is no variable 'spikes', only .*rates"),
    (
        lambda d: d.assign(spikes=d.spikes.isel(trial=0)),
        {},
        r"spikes has the dimensions time \(8\), neuron \(4\)",
    ),
    (
        lambda d: d,
        {"dims": ("trial", "time", "unit")},
        r"dims=\('trial', 'time', 'neuron'\) gives their names",
    ),
    (uneven, {}, r"time has steps of 1 to 13 s for bins of 0.02 s"),
    (lambda d: d.assign_coords(time=np.arange(8.0) * 0.05), {}, "for bins of 0.02 s"),
    (
        lambda d: d.assign_coords(time=("time", np.arange(8), {"units": "bins"})),
        {},
        "in 'bins': give bins in s",
    ),
    (
        lambda d: d,
        {"condition": "region"},
        "region has the dimensions neuron: it must have trial alone",
    ),
    (
        lambda d: d,
        {"behavior": "region"},
        r"region has the dimensions neuron: it must have trial, time",
    ),
    (lambda d: d.assign(spikes=d.spikes + 0.5), {}, "spikes holds 192 fractional"),
]


@pytest.mark.parametrize(("change", "options", "message"), WRONG)
def test_wrong_objects_are_refused_by_name(
    change: Callable[[xarray.Dataset], Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        from_xarray(change(with_counts(WHOLE)), **options)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_a_truncated_file_is_a_data_error(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.nc"
    with_counts(WHOLE).to_netcdf(path, engine="h5netcdf")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="cannot be read as netCDF 4"):
        load(path)


def damage(path: Path, name: str, shape: tuple[int, ...], kind: object) -> Path:
    """A netCDF file whose spikes have another attribute of references."""
    xarray.DataArray(
        np.ones((2, 3, 4)), dims=("trial", "time", "neuron"), coords={"time": 0.01 * np.arange(3)}
    ).to_dataset(name="spikes").to_netcdf(path, engine="h5netcdf")
    with h5py.File(path, "r+") as file:
        if name in file["spikes"].attrs:
            del file["spikes"].attrs[name]
        values: np.ndarray = np.zeros(shape, kind)
        if values.dtype.kind == "O":
            for k in range(shape[0]):
                values[k] = np.array([file["time"].ref], h5py.ref_dtype)
        file["spikes"].attrs.create(name, values, dtype=kind)
    return path


@pytest.mark.parametrize(
    ("name", "shape", "kind"),
    [
        ("DIMENSION_LIST", (9,), h5py.vlen_dtype(h5py.ref_dtype)),
        ("DIMENSION_LIST", (1,), h5py.vlen_dtype(h5py.ref_dtype)),
        ("DIMENSION_LIST", (3,), "f8"),
        ("REFERENCE_LIST", (2,), "i4"),
    ],
)
def test_references_that_libhdf5_would_trip_over_are_refused(
    tmp_path: Path, name: str, shape: tuple[int, ...], kind: object
) -> None:
    path = damage(tmp_path / "d.nc", name, shape, kind)
    for read in (load, describe):
        with pytest.raises(DataError, match=f"damaged netCDF file: {name} of /spikes has shape"):
            read(path)


def test_values_of_other_kinds_are_refused_by_name() -> None:
    dims = ("trial", "time", "neuron")
    base = {"spikes": (dims, np.ones((2, 3, 4))), "time": ("time", 0.01 * np.arange(3))}
    for name, wrong, message in (
        ("heldout", ("neuron", [2.0, 0, 0, 1]), "heldout holds 2: it must hold true and false"),
        ("behavior", (dims[:2], np.full((2, 3), "a")), "behavior in the data holds text"),
        ("truth", (dims[:2], np.ones((2, 3))), "truth has the dimensions trial, time"),
        ("condition", ("trial", [1j, 2]), "condition in the data holds complex numbers"),
        ("time", ("time", [0.0, np.inf, np.nan]), "time holds NaN or infinite values"),
    ):
        with pytest.raises(DataError, match=message):
            from_xarray(xarray.Dataset(base | {name: wrong}))


def test_irregular_times_of_other_trials_are_left_out_with_a_word() -> None:
    dims = ("trial", "time", "neuron")
    values = {"spikes": (dims, np.ones((2, 3, 4))), "time": ("time", 0.01 * np.arange(3))}
    values["times"] = (("session", "time"), np.ones((5, 3)))
    with pytest.warns(DataWarning, match="left out times, of the dimensions session, time"):
        assert from_xarray(xarray.Dataset(values)).times is None
