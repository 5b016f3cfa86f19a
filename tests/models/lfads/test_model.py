"""`LFADS` from outside: what it predicts, resumes, samples and refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small import GAPS
from tests.models.small_lfads import SMALL, fitted, small
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import LFADS
from undertow.training import Interrupted, Training

STIMULUS = np.random.default_rng(1).normal(size=(*GAPS.spikes.shape[:2], 2))
DRIVEN = GAPS.replace(stimulus=STIMULUS)


def test_latents_have_their_sizes_and_end_with_their_trials() -> None:
    prediction = fitted().predict(GAPS)
    shape = GAPS.spikes.shape[:2]
    sizes = {name: value.shape for name, value in prediction.latents.items()}
    assert sizes == {"factors": (*shape, 5), "generator": (*shape, 7), "inputs": (*shape, 2)}
    for value in prediction.latents.values():
        assert (np.isfinite(value).all(-1) == GAPS.valid).all()
    assert set(prediction.terms) == {"log_likelihood", "kl_initial", "kl_inputs"}
    assert all(term.shape == (len(GAPS),) for term in prediction.terms.values())
    assert (prediction.terms["kl_initial"] > 0).all()


def test_samples_that_are_kept_are_those_that_are_averaged() -> None:
    prediction = fitted().predict(GAPS, samples=6)
    assert prediction.rate_samples is not None
    assert np.allclose(prediction.rate_samples.mean(0), prediction.rates, rtol=1e-5, equal_nan=True)
    for name, value in prediction.latents.items():
        drawn = prediction.latent_samples[name]
        assert np.allclose(drawn.mean(0), value, atol=1e-5, equal_nan=True)
    assert fitted().predict(GAPS, samples=3).rate_samples.shape[0] == 3  # type: ignore[union-attr]
    assert not np.allclose(
        fitted().predict(GAPS).rates, fitted().predict(GAPS, seed=1).rates, equal_nan=True
    )


def test_trials_predicted_in_parts_have_the_rates_of_all_but_for_noise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = fitted().predict(GAPS, samples=200)
    monkeypatch.setattr("undertow.models.lfads.prediction.TRIALS_AT_ONCE", 7)
    parts = fitted().predict(GAPS, samples=200)
    assert whole.rate_samples is not None
    # antithetic pairs are worth at least as much as the single samples of the bound
    bound = 6 * np.sqrt(2 / 200) * whole.rate_samples.std(0) + 1e-6
    assert (np.abs(whole.rates - parts.rates) <= bound)[GAPS.valid].all()


def test_without_inputs_there_is_no_controller() -> None:
    model = small(inputs=0).fit(GAPS)
    prediction = model.predict(GAPS)
    assert list(prediction.latents) == ["factors", "generator"]
    assert (prediction.terms["kl_inputs"] == 0).all()
    counts = model.parameter_counts()
    assert counts["controller"] == 0
    assert counts["all"] < fitted().parameter_counts()["all"]
    assert list(model.sample_prior(2, 4)) == ["factors", "generator"]


def test_both_divergences_are_logged_each_on_its_own() -> None:
    row = fitted().history_[-1]
    assert {"negative_log_likelihood", "kl_initial", "kl_inputs"} <= set(row)
    weight = fitted().kl(0.5)  # at the start of the second of two epochs
    kl = fitted().initial.kl_weight * row["kl_initial"] + row["kl_inputs"]
    total = row["negative_log_likelihood"] + weight * kl
    assert row["loss"] == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("inputs", [0, 2])
def test_a_stopped_fit_resumes_as_if_it_never_was(inputs: int, tmp_path: Path) -> None:
    def stop(row: dict[str, float], done: float, left_s: float) -> None:
        if row["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        small(4, inputs=inputs).fit(DRIVEN, checkpoint=tmp_path, progress=stop)
    resumed = small(4, inputs=inputs).fit(DRIVEN, checkpoint=tmp_path, resume=True)
    whole = small(4, inputs=inputs).fit(DRIVEN)
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(value, resumed.network_.state_dict()[name]), name


def test_garbage_under_missing_bins_changes_no_rate() -> None:
    spikes = np.array(GAPS.spikes)
    spikes[0, 3, [1, 4]] = 9.0  # held-out neurons alone: the encoder may not look at this bin
    spikes[~GAPS.valid] = 9.0
    clean, dirty = (fitted().predict(t).rates for t in (GAPS, GAPS.replace(spikes=spikes)))
    assert np.array_equal(clean, dirty, equal_nan=True)


def test_forward_bins_spread_as_the_prior_does() -> None:
    drawn = fitted().predict(GAPS, samples=400).latent_samples["inputs"]
    prior = fitted().sample_prior(4000, GAPS.n_time)["inputs"]
    full = GAPS.lengths == GAPS.n_time
    last = drawn[:, full, -1].reshape(-1, 2)
    assert (last.std(0) < 1.2 * prior[:, -1].std(0)).all()
    assert (last.std(0) > 0.5 * prior[:, -1].std(0)).all()


# --- a stimulus -------------------------------------------------------------------------------


def test_a_stimulus_drives_the_generator() -> None:
    model = small().fit(DRIVEN)
    assert model.population_.stimulus_channels == 2
    other = DRIVEN.replace(stimulus=STIMULUS[::-1])
    assert not np.allclose(model.predict(DRIVEN).rates, model.predict(other).rates, equal_nan=True)
    with pytest.raises(ModelError, match="no stimulus channels, the model was fitted with 2"):
        model.predict(GAPS)


def test_a_stimulus_left_out_changes_nothing() -> None:
    model = small(stimulus=False).fit(DRIVEN)
    assert model.population_.stimulus_channels == 0
    rates = (model.predict(trials).rates for trials in (GAPS, DRIVEN))
    assert np.array_equal(*rates, equal_nan=True)


def test_a_stimulus_is_used_and_behaviour_without_velocities_is_named() -> None:
    assert small().unused_signals(DRIVEN) == []
    moving = GAPS.replace(behavior=STIMULUS, behavior_names=("x", "y"))
    (about,) = small().unused_signals(moving)
    assert "lfads does not use the behaviour (x, y)" in about


# --- samples of the prior ---------------------------------------------------------------------


def test_trials_of_the_prior_hold_the_rates_that_they_were_drawn_from() -> None:
    trials = fitted().sample(300, 12, seed=1)
    assert isinstance(trials, TrialSet)
    assert trials.spikes.shape == (300, 12, 6)
    assert trials.truth is not None
    assert (trials.neuron_ids == GAPS.neuron_ids).all()
    assert (trials.heldout == GAPS.heldout).all()
    assert trials.bin_s == GAPS.bin_s
    expected = trials.truth * trials.bin_s
    # counts are Poisson about these: the standard error of their mean
    error = np.sqrt(expected.sum((0, 1))) / (300 * 12)
    assert (np.abs(trials.spikes.mean((0, 1)) - expected.mean((0, 1))) < 6 * error).all()
    again = fitted().sample(300, 12, seed=1)
    assert np.array_equal(again.spikes, trials.spikes)
    assert not np.array_equal(fitted().sample(300, 12, seed=2).truth, trials.truth)


def test_a_longer_sample_begins_with_the_same_latents() -> None:
    short, long = (fitted().sample_prior(5, n, seed=3) for n in (6, 11))
    for name, value in short.items():
        assert np.allclose(long[name][:, :6], value, atol=1e-6)


def test_the_prior_s_inputs_are_stationary() -> None:
    inputs = fitted().sample_prior(20_000, 5)["inputs"]
    controller = fitted().network_.controller
    assert controller is not None
    std = controller.prior.log_std.exp().detach().numpy()
    spread = inputs.std(0) / std
    assert (np.abs(spread - 1) < 6 / np.sqrt(2 * 20_000)).all()


def test_a_sample_needs_the_stimulus_that_the_fit_had() -> None:
    model = small().fit(DRIVEN)
    with pytest.raises(ModelError, match="fitted with 2 stimulus channel"):
        model.sample(3, 10)
    trials = model.sample(3, 10, stimulus=STIMULUS[0])
    assert trials.stimulus is not None
    assert trials.stimulus.shape == (3, 10, 2)
    with pytest.raises(ModelError, match="fitted without a stimulus"):
        fitted().sample(3, 10, stimulus=STIMULUS[0])
    with pytest.raises(ModelError, match="n_time is 0"):
        fitted().sample(3, 0)


# --- settings ---------------------------------------------------------------------------------


def test_presets_differ_from_the_defaults_as_they_say() -> None:
    assert repr(LFADS.preset("default")) == "LFADS()"
    released = LFADS.preset("released", inputs=1)
    assert (released.inputs, released.latent_dim) == (1, 50)
    released.set_params(**SMALL, training=Training(epochs=2)).fit(GAPS)
    with pytest.raises(
        ModelError, match="there is no preset 'papr': choose one of default, released"
    ):
        LFADS.preset("papr")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"latent_dim": 0}, "latent_dim is 0: it must be a whole number, at least 1"),
        ({"inputs": -1}, "inputs is -1: it must be a whole number, at least 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"coordinated_dropout": (0.5, 0.1)}, "the lower share comes first"),
        ({"samples": 0}, "samples is 0"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"training__monitor": "generate"}, "this model infers every bin and generates none"),
    ],
)
def test_settings_that_break_a_rule_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        small(**settings).fit(GAPS)


def test_irregular_times_are_refused() -> None:
    trials = TrialSet(np.ones((4, 5, 3)), 0.02, times=np.cumsum(np.full((4, 5), 0.03), 1))
    with pytest.raises(ModelError, match="irregular times and LFADS steps from bin to bin"):
        small().fit(trials)
