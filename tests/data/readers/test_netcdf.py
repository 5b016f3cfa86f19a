"""xarray objects and netCDF files: names and coordinates in and out, units, missing bin widths."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from undertow.data import Prediction, TrialSet, describe, from_xarray, load, read_netcdf
from undertow.errors import DataError

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
