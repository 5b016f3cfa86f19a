"""What-if trials of a `LatentSDE`: where they start and what drives them."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.latent_sde.test_altering import regional
from tests.models.small_sde import TRIALS, fit, fitted, small, with_times
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import Ensemble, LatentSDE

# --- where they start -------------------------------------------------------------------------


def test_paths_from_trials_are_those_of_generated_predictions() -> None:
    model = fitted()
    made = model.sample(trials=TRIALS, seed=3)
    generated = model.predict(TRIALS, samples=1, seed=3, mode="generate")
    assert made.truth is not None
    assert generated.rate_samples is not None
    assert generated.behavior_samples is not None
    inside = TRIALS.valid
    np.testing.assert_allclose(made.truth[inside], generated.rate_samples[0][inside], rtol=1e-5)
    mean = model.sample(trials=TRIALS, behavior="mean", seed=3)
    np.testing.assert_array_equal(mean.behavior[inside], generated.behavior_samples[0][inside])
    for name in (
        "trial_ids",
        "neuron_ids",
        "lengths",
        "condition",
        "region",
        "stimulus",
        "heldout",
    ):
        np.testing.assert_array_equal(getattr(made, name), getattr(TRIALS, name))


def test_only_the_first_t0_seconds_of_trials_are_read() -> None:
    model, spikes = fitted(), np.array(TRIALS.spikes)
    seen = model.predict_generated(TRIALS).seen_bins
    assert seen == 3  # 0.06 s
    later, first = spikes.copy(), spikes.copy()
    later[:, seen:] += 5
    first[:, seen - 1] += 5
    truth = model.sample(trials=TRIALS).truth
    np.testing.assert_array_equal(model.sample(trials=TRIALS.replace(spikes=later)).truth, truth)
    changed = model.sample(trials=TRIALS.replace(spikes=first)).truth
    assert np.abs(changed - truth)[:, 0].max() > 0


def test_without_trials_paths_start_from_the_standard_normal() -> None:
    model, states = fitted(), list[torch.Tensor]()
    network = model.network_
    handle = network.decoder.register_forward_hook(
        lambda module, inputs, out: states.append(inputs[0])
    )
    made = model.sample(4000, n_time=2, stimulus=np.zeros((2, 2)))
    handle.remove()
    start = states[0][:, 0]
    assert start.shape == (4000, 4)
    assert start.mean(0).abs().max() < 4 / 4000**0.5
    assert (start.var(0) - 1).abs().max() < 4 * (2 / 4000) ** 0.5
    assert made.truth is not None
    assert made.spikes.shape == (4000, 2, 6)
    error = made.spikes.mean((0, 1)) - made.truth.mean((0, 1)) * made.bin_s
    assert np.abs(error).max() < 5 * np.sqrt(made.truth.max() * made.bin_s / 8000)


def test_sizes_come_from_what_is_given() -> None:
    model = fitted()
    stimulus = np.zeros((7, 5, 2))
    assert model.sample(stimulus=stimulus).spikes.shape == (7, 5, 6)
    assert model.sample(3, stimulus=stimulus[:1]).spikes.shape == (3, 5, 6)
    assert model.sample(trials=TRIALS, stimulus=np.zeros((25, 2))).spikes.shape == (20, 25, 6)
    assert model.sample(trials=TRIALS, n_time=14).spikes.shape == (20, 14, 6)
    longer = model.sample(45, trials=TRIALS, n_time=12)
    assert longer.condition.tolist() == [k % 20 % 2 for k in range(45)]
    np.testing.assert_array_equal(longer.stimulus[21, :10], TRIALS.stimulus[1])
    np.testing.assert_array_equal(longer.stimulus[21, 11], TRIALS.stimulus[1, 9])
    free = fit(TRIALS.replace(stimulus=None), signals__labels=())
    assert free.sample().spikes.shape == (1, 10, 6)
    assert free.sample(2, n_time=4).stimulus is None
    assert not free.sample(2).labels


def test_seeds_repeat_and_differ() -> None:
    model = fitted()
    one, again, other = (model.sample(trials=TRIALS, seed=seed) for seed in (1, 1, 2))
    for name in ("spikes", "truth", "behavior"):
        np.testing.assert_array_equal(getattr(one, name), getattr(again, name))
        assert not np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
    np.testing.assert_array_equal(one.labels["choice"], again.labels["choice"])
    assert set(one.labels["choice"]) == {"left", "right"}


def test_behaviour_is_drawn_about_its_mean_with_the_model_s_own_spread() -> None:
    model = fit(signals__solve_readouts=False)  # a spread that hardly depends on the state
    stimulus = np.zeros((10, 2))
    drawn, mean = (
        model.sample(400, stimulus=stimulus, behavior=kind) for kind in ("drawn", "mean")
    )
    np.testing.assert_array_equal(drawn.truth, mean.truth)
    assert drawn.behavior_names == ("x", "y")
    std = np.std(drawn.behavior - mean.behavior, axis=(0, 1))
    predicted = model.predict(TRIALS, mode="generate").behavior_std
    assert np.all(np.abs(std / np.nanmean(predicted, axis=(0, 1)) - 1) < 0.1)


def test_irregular_times_are_kept() -> None:
    trials = with_times(TRIALS, 0.004)
    made = fit(trials).sample(trials=trials)
    np.testing.assert_array_equal(made.times, trials.times)


# --- what drives them -------------------------------------------------------------------------


def test_another_stimulus_changes_what_follows_with_the_same_noise() -> None:
    model = regional()
    own = model.sample(trials=TRIALS)
    np.testing.assert_array_equal(
        model.sample(trials=TRIALS, stimulus=TRIALS.stimulus).truth, own.truth
    )
    contrast = model.sample(trials=TRIALS, stimulus=np.asarray(TRIALS.stimulus) + 3.0)
    np.testing.assert_array_equal(contrast.truth[:, 0], own.truth[:, 0])
    assert np.nanmax(np.abs(contrast.truth - own.truth)[:, 1:]) > 0


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n": 2}, r"fitted with 2 stimulus channel\(s\): give a stimulus"),
        ({"n": 0, "trials": TRIALS}, "n must be at least 1"),
        (
            {"trials": TRIALS, "stimulus": np.zeros((3, 10, 2))},
            "of one trial or of as many as there are",
        ),
        (
            {"stimulus": np.zeros((3, 10, 1))},
            r"stimulus has shape \(3, 10, 1\): it must be \(trials, time, 2\)",
        ),
        (
            {"stimulus": np.zeros((3, 10, 2)), "n_time": 4},
            "n_time is 4 and the stimulus has 10 bins",
        ),
        ({"trials": TRIALS, "n_time": 0}, "n_time is 0: it must be a whole number"),
        (
            {"trials": TRIALS, "silenced": ("V1",)},
            "V1 cannot be silenced: all neurons share one state",
        ),
        (
            {"trials": TRIALS, "behavior": "none"},
            "behavior is 'none': it must be one of 'drawn', 'mean'",
        ),
        ({"trials": TRIALS.select(neurons=[0, 1])}, "the trials have 2 neurons"),
    ],
)
def test_what_cannot_be_sampled_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fitted().sample(**given)


def test_more_refusals() -> None:
    with pytest.raises(ModelError, match="there is no region 'V2': did you mean 'V1'"):
        regional().sample(trials=TRIALS, silenced=("V2",))
    with pytest.raises(ModelError, match="fitted without a stimulus"):
        fit(TRIALS.replace(stimulus=None)).sample(stimulus=np.zeros((10, 2)))
    with pytest.raises(ModelError, match="not fitted"):
        LatentSDE().sample()


# --- ensembles --------------------------------------------------------------------------------


def test_an_ensemble_generates_the_mean_of_its_members() -> None:
    trials: TrialSet = TRIALS[5:]
    ensemble = fit_ensemble(trials)
    made = ensemble.predict_generated(trials, samples=6, seed=2)
    assert made is not None
    assert made.seen_bins == 3
    assert made.prediction.rate_samples is not None
    assert made.prediction.rate_samples.shape == (6, *trials.spikes.shape)
    plain = ensemble.predict_generated(trials, seed=2)
    assert plain is not None
    singles = [member.predict_generated(trials, seed=2) for member in ensemble.members_]
    kept = [each.prediction for each in singles if each is not None]
    np.testing.assert_allclose(
        plain.prediction.rates, np.mean([each.rates for each in kept], axis=0)
    )
    chances = np.mean([each.label_probabilities["choice"] for each in kept], axis=0)
    np.testing.assert_allclose(plain.prediction.label_probabilities["choice"], chances)
    second_moment = np.mean([each.behavior_std**2 + each.behavior**2 for each in kept], axis=0)
    expected = np.sqrt(second_moment - np.mean([each.behavior for each in kept], axis=0) ** 2)
    np.testing.assert_allclose(plain.prediction.behavior_std, expected, rtol=1e-4)


def fit_ensemble(trials: TrialSet) -> Ensemble:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Ensemble(small(), size=2).fit(trials)
