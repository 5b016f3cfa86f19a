"""`Prediction`: behaviour and labels beside rates, by name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray

from undertow.data import Prediction, TrialSet
from undertow.data.prediction import likeliest_categories
from undertow.errors import UndertowError

TRIALS, BINS, NEURONS, SAMPLES = 4, 5, 3, 2
RNG = np.random.default_rng(0)
BEHAVIOR = RNG.normal(size=(TRIALS, BINS, 2))


def prediction(**fields: Any) -> Prediction:
    trials = TrialSet(
        RNG.poisson(1.0, (TRIALS, BINS, NEURONS)) + 1,
        0.02,
        start_s=-0.04,
        behavior=BEHAVIOR,
        behavior_names=("vel_x", "vel_y"),
    )
    defaults: dict[str, Any] = {
        "rates": np.ones((TRIALS, BINS, NEURONS)),
        "trials": trials,
        "behavior": BEHAVIOR + 1,
        "behavior_samples": np.stack([BEHAVIOR, BEHAVIOR + 2]),
        "behavior_std": np.full(BEHAVIOR.shape, 0.5),
        "label_probabilities": {
            "choice": np.tile([0.25, 0.75], (TRIALS, 1)),
            "hit": np.full((TRIALS, 2), 0.5),
        },
        "label_categories": {"choice": np.array(["left", "right"]), "hit": np.array([False, True])},
    }
    return Prediction(**{**defaults, **fields})


def test_behaviour_and_labels_have_named_coordinates() -> None:
    dataset = prediction().to_xarray()
    assert dataset.behavior.dims == ("trial", "time", "channel")
    assert dataset.behavior_samples.dims == ("sample", "trial", "time", "channel")
    for trial in range(TRIALS):
        for k in range(BINS):
            found = dataset.behavior.sel(trial=trial, channel="vel_y").isel(time=k)
            assert float(found) == BEHAVIOR[trial, k, 1] + 1
    assert (dataset.behavior_std == 0.5).all()
    assert (dataset.choice_probability.sel(choice_category="right") == 0.75).all()
    assert dataset.hit_probability.sel(hit_category=True).values.tolist() == [0.5] * TRIALS
    assert dataset.attrs["start_s"] == -0.04


def test_everything_can_be_written_and_read(tmp_path: Path) -> None:
    dataset = prediction().to_xarray()
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf", decode_times=False) as back:
        xarray.testing.assert_equal(back, dataset)


def test_names_of_channels_may_be_the_models_own() -> None:
    bare = prediction().trials.replace(behavior=None)
    assert prediction(
        trials=bare, behavior_names=("a", "b")
    ).to_xarray().channel.values.tolist() == [
        "a",
        "b",
    ]
    assert "channel" not in prediction(trials=bare).to_xarray().coords


def test_without_behaviour_and_labels_nothing_is_added() -> None:
    trials = prediction().trials
    dataset = Prediction(np.ones((TRIALS, BINS, NEURONS)), trials).to_xarray()
    assert set(dataset.variables) == {"rates", "trial", "time", "neuron", "heldout"}


def test_irregular_times_take_the_place_of_the_shared_ones() -> None:
    times = np.cumsum(np.full((TRIALS, BINS), 0.03), axis=1) + np.arange(TRIALS)[:, None]
    trials = prediction().trials.replace(times=times)
    dataset = prediction(trials=trials).to_xarray()
    assert "time" not in dataset.coords
    np.testing.assert_array_equal(dataset.times, times)
    assert dataset.times.attrs["units"] == "s"
    assert dataset.rates.coords["times"].dims == ("trial", "time")


def test_an_interval_is_of_the_rates_and_needs_samples() -> None:
    samples = np.arange(201.0)[:, None, None, None] * np.ones((1, TRIALS, BINS, NEURONS))
    low, high = prediction(rate_samples=samples).interval(0.9)
    np.testing.assert_allclose([low[0, 0, 0], high[0, 0, 0]], [10, 190])
    with pytest.raises(UndertowError, match="200 samples or more, here are 0"):
        prediction().interval()


def test_categories_of_behaviour_have_coordinates_of_their_own(tmp_path: Path) -> None:
    chances = RNG.dirichlet([1, 1, 1], (TRIALS, BINS))
    chances[0, 4] = np.nan
    categories = {"stage": np.array([-1.0, 2.0, 7.0])}
    dataset = prediction(
        behavior_probabilities={"stage": chances}, behavior_categories=categories, behavior_std=None
    ).to_xarray()
    found = dataset["behavior_stage_probability"].sel(behavior_stage_category=7)
    np.testing.assert_array_equal(found, chances[..., 2])
    dataset.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    likeliest = likeliest_categories({"stage": chances}, categories)
    assert likeliest.shape == (TRIALS, BINS, 1)
    assert np.isnan(likeliest[0, 4, 0])
    assert likeliest[1, 2, 0] == categories["stage"][chances[1, 2].argmax()]


def test_its_repr_is_one_line_of_sizes_and_names() -> None:
    latents = {"z": np.zeros((TRIALS, BINS, 2)), "h": np.zeros((TRIALS, BINS, 7))}
    samples = np.ones((SAMPLES, TRIALS, BINS, NEURONS))
    full = repr(prediction(latents=latents, rate_samples=samples))
    assert full == (
        "Prediction(4 trials × 5 bins × 3 neurons, latents z (2), h (7), samples 2, "
        "behavior vel_x, vel_y, labels choice, hit)"
    )
    bare = Prediction(np.ones((TRIALS, BINS, NEURONS)), prediction().trials)
    assert repr(bare) == "Prediction(4 trials × 5 bins × 3 neurons)"


@pytest.mark.parametrize("n_channels", [1, 100])
def test_in_a_notebook_it_is_a_small_escaped_table(n_channels: int) -> None:
    names = [f"<b>{k}</b>" for k in range(n_channels)]
    found = prediction(behavior=np.ones((TRIALS, BINS, n_channels)), behavior_names=names)
    table = found._repr_html_()
    assert "1 spikes/s" in table
    assert "&lt;b&gt;0&lt;/b&gt;" in table
    assert "<b>" not in table
    assert len(table) < 2000
