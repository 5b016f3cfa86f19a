"""`GPSLDS`: what it sees and does not see, stopping and resuming, behaviour, files, refusals."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.models.small_gp import STATES, TRIALS, fit, fitted, small
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import GPSLDS, Ensemble, load_model
from undertow.models.em import Given
from undertow.training import Interrupted

BINS = TRIALS.n_time


def test_generation_sees_the_first_bins_alone() -> None:
    model, spikes = fitted(), np.array(TRIALS.spikes)
    spikes[:, 5:] = 30.0
    generated = model.predict_generated(TRIALS)
    other = model.predict_generated(TRIALS.replace(spikes=spikes))
    assert generated.seen_bins == 5
    assert np.array_equal(generated.prediction.rates, other.prediction.rates)
    assert not np.array_equal(model.predict(TRIALS).rates, generated.prediction.rates)


def test_the_first_generated_bins_are_those_inferred_from_them() -> None:
    """Means over many paths, within 5 standard errors of the expectations."""
    model = fitted()
    drawn = model.predict(TRIALS, samples=400, mode="generate")
    shown = model.predict(TRIALS.select(time=slice(0, 5)))
    error = np.std(drawn.latent_samples["x"][:, :, :5], axis=0) / 400**0.5
    miss = np.abs(drawn.latents["x"][:, :5] - shown.latents["x"])
    assert (miss < 5 * error + 1e-3).all()


def test_samples_spread_as_the_posterior_does() -> None:
    model = fitted()
    drawn = model.predict(TRIALS, samples=300)
    assert drawn.rate_samples is not None
    assert drawn.behavior_samples is not None
    exact = model.predict(TRIALS)
    assert np.array_equal(drawn.rates, exact.rates)
    error = np.std(drawn.rate_samples, axis=0) / 300**0.5
    assert np.mean(np.abs(drawn.rate_samples.mean(0) - exact.rates) < 4 * error + 1e-2) > 0.99
    low, high = drawn.interval(0.9)
    assert (low <= high).all()


def test_paths_do_not_depend_on_how_many_are_drawn_together() -> None:
    model = fitted()
    few = model.predict(TRIALS, samples=2, mode="generate")
    many = model.predict(TRIALS, samples=4, mode="generate")
    assert few.rate_samples is not None
    assert many.rate_samples is not None
    np.testing.assert_array_equal(few.rate_samples, many.rate_samples[:2])
    again = fitted().predict(TRIALS, samples=2, seed=1, mode="generate")
    assert not np.array_equal(few.rate_samples, again.rate_samples)


def test_behavior_is_read_from_the_states() -> None:
    """x and y are the planted states and noise of 0.1: what is inferred of them."""
    prediction = fitted().predict(TRIALS)
    assert prediction.behavior is not None
    assert prediction.behavior_std is not None
    miss = TRIALS.behavior - prediction.behavior
    assert 1 - np.square(miss).sum() / np.square(TRIALS.behavior - STATES.mean((0, 1))).sum() > 0.8
    inside = np.mean(np.abs(miss) < 1.645 * prediction.behavior_std)
    assert 0.8 < inside < 1.0
    scores = fitted().score(TRIALS)
    assert {"behavior R2", "generated behavior R2", "generated bps"} <= scores.keys()
    assert scores["behavior R2"].value > 0.8


def test_what_is_missing_or_past_the_end_changes_nothing() -> None:
    model, spikes = fitted(), np.array(TRIALS.spikes)
    spikes[0, 7], spikes[1, :, 2] = np.nan, np.nan
    lengths = np.full(len(TRIALS), BINS)
    lengths[[2, 3]] = [1, 12]
    gappy = TRIALS.replace(spikes=spikes, lengths=lengths)
    found = model.predict(gappy)
    assert np.isfinite(found.rates[gappy.valid]).all()
    assert np.isnan(found.rates[2, 1:]).all()
    short = model.predict(gappy[3:4].select(time=slice(0, 12)))
    np.testing.assert_allclose(found.rates[3, :12], short.rates[0], rtol=1e-4)
    alone = model.predict(gappy[:1])
    np.testing.assert_allclose(found.rates[0], alone.rates[0], rtol=1e-4)


def test_learning_sees_all_neurons_and_prediction_held_in_ones() -> None:
    trials = TRIALS.replace(forward_bins=3).hold_out(4, seed=0)
    model = fit(trials)
    batch = model.read(trials)
    learning, predicting = Given.of(batch, everything=True), Given.of(batch)
    assert bool(learning.seen.all())
    assert not predicting.seen[..., torch.tensor(trials.heldout)].any()
    assert not predicting.seen[:, -3:].any()
    assert not predicting.counts[:, -3:].any()
    assert bool(predicting.seen[:, :-3][..., torch.tensor(~trials.heldout)].all())


@pytest.mark.parametrize("after", [1, 3])
def test_a_resumed_fit_ends_as_one_never_interrupted(after: int, tmp_path: Path) -> None:
    seen: list[float] = []

    def stop(row: dict[str, float], share: float, left: float) -> None:
        seen.append(share)
        if len(seen) == after:
            raise KeyboardInterrupt

    settings = {"em__kernel_bins": 200}
    with pytest.raises(Interrupted, match="its state is saved"):
        small(**settings).fit(TRIALS, checkpoint=tmp_path, progress=stop)
    resumed = small(**settings).fit(TRIALS, checkpoint=tmp_path, resume=True)
    whole = small(**settings).fit(TRIALS)
    for name, value in whole.network_.state_dict().items():
        assert torch.equal(value, resumed.network_.state_dict()[name]), name
    kept = [{k: v for k, v in row.items() if k != "seconds"} for row in whole.history_]
    assert kept == [{k: v for k, v in r.items() if k != "seconds"} for r in resumed.history_]
    with pytest.raises(ModelError, match="no checkpoint of this fit"):
        small(regimes=3, **settings).fit(TRIALS, checkpoint=tmp_path, resume=True)


def test_the_bound_rises_and_the_best_iteration_is_kept() -> None:
    history = fitted().history_
    bounds = [row["elbo"] for row in history]
    assert bounds[-1] > bounds[0]
    assert fitted().validation_score_ == max(row["validation_score"] for row in history)


def test_patience_ends_a_fit() -> None:
    model = fit(em__iterations=50, em__patience=1, em__path_steps=1, em__kernel_steps=0)
    assert len(model.history_) < 50


@pytest.mark.parametrize(
    "settings",
    [
        {"inducing": 20},
        {"gate": "quadratic", "regimes": 3},
        {"regimes": 1, "latent_dim": 1},
        {"time": True, "latent_dim": 5},
        {"em__monitor": "generate", "behavior": False},
    ],
)
def test_its_variants_fit_predict_and_are_saved(settings: dict[str, Any], tmp_path: Path) -> None:
    model = fit(TRIALS, em__iterations=2, **settings)
    path = model.save(tmp_path / "model.safetensors")
    loaded = load_model(path)
    assert isinstance(loaded, GPSLDS)
    for mode in ("smooth", "generate"):
        rates = model.predict(TRIALS[:3], mode=mode).rates  # type: ignore[arg-type]
        assert np.isfinite(rates).all()
        again = loaded.predict(TRIALS[:3], mode=mode)  # type: ignore[arg-type]
        assert np.array_equal(rates, again.rates)
    counts = model.parameter_counts()
    assert 0 < counts["dynamics"] < counts["all"]
    assert (model.predict(TRIALS).behavior is None) == (not model.behavior)


def test_inducing_states_and_features_agree_where_there_are_enough() -> None:
    """The kernel is of rank 6: 30 inducing states are the same process."""
    exact, sparse = fitted(), fit(inducing=30)
    a, b = (model.predict(TRIALS).rates for model in (exact, sparse))
    assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


def test_a_stimulus_drives_the_state() -> None:
    rng = np.random.default_rng(0)
    push = np.repeat(rng.normal(size=(24, 1, 1)), BINS, axis=1)
    ramp = np.arange(BINS)[None, :, None] / BINS
    rates = 20 * np.exp(push * ramp * rng.normal(size=8))
    pushed = TrialSet(rng.poisson(rates * 0.02), 0.02, stimulus=push)
    model = fit(pushed, latent_dim=1, regimes=1, em__iterations=8)
    up, down = (
        model.predict(pushed.replace(stimulus=sign * np.ones_like(push)), mode="generate")
        for sign in (2, -2)
    )
    moved = np.log(up.rates / down.rates)[:, -1].mean(0)
    true = 4 * np.log(rates / 20)[0, -1] / push[0, -1]
    assert np.corrcoef(moved, true)[0, 1] > 0.9
    assert model.encoded_inputs(pushed).shape == (24, BINS, 1)
    with pytest.raises(ModelError, match="no stimulus channels"):
        model.predict(TrialSet(pushed.spikes, 0.02))
    assert fit(pushed, stimulus=False, latent_dim=1).encoded_inputs(pushed).shape[2] == 0


def test_the_evidence_bound_falls_when_data_are_shuffled() -> None:
    model, rng = fitted(), np.random.default_rng(0)
    spikes = rng.permuted(np.array(TRIALS.spikes), axis=2)
    right, wrong = (model.evidence(t)["elbo"] for t in (TRIALS, TRIALS.replace(spikes=spikes)))
    assert right.shape == (24,)
    assert (right > wrong).mean() > 0.8


def test_an_ensemble_of_them_averages_and_generates() -> None:
    model = Ensemble(small(em__iterations=1), 2).fit(TRIALS)
    assert np.isfinite(model.predict(TRIALS[:2]).rates).all()
    generated = model.predict_generated(TRIALS[:2])
    assert generated is not None
    assert generated.prediction.behavior is not None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"regimes": 0}, "regimes is 0"),
        ({"initial_s": 0.0}, "initial_s is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"temperature": -1.0}, "temperature is -1"),
        ({"em__step_size": 2.0}, r"em\.step_size is 2"),
        ({"em__iterations": 0}, r"em\.iterations is 0"),
        ({"em__monitor": "bps"}, r"em\.monitor is 'bps'"),
        ({"em__monitor": "co-bps"}, r"em\.monitor is 'co-bps' but no neuron is held out"),
        ({"device": "tpu"}, "device 'tpu'"),
    ],
)
def test_settings_that_break_a_rule_are_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        fit(TRIALS, **wrong)


def test_what_it_cannot_use_is_said_once() -> None:
    labelled = TRIALS.replace(labels={"choice": np.arange(24) % 2})
    assert any("labels" in each for each in small().unused_signals(labelled))
    assert small().unused_signals(TRIALS) == []
