"""`LatentSDE` on behaviour that is a category in each bin: learned, masked, encoded, predicted,
sampled, kept."""

import math
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.latent_sde.test_network import MODES, doubled, equal, generator, moved
from tests.models.small_sde import TRIALS, fit, small
from undertow.data import TrialSet
from undertow.dynamics import LinearSDE
from undertow.evaluation import generation_statistics
from undertow.models import Ensemble, LatentSDE
from undertow.randomness import path_generator
from undertow.systems import Oscillators
from undertow.training import Training

CATEGORIES = {"stage": [-1.0, 0.0, 4.0], "lick": [0.0, 1.0]}


def staged(seed: int = 0) -> TrialSet:
    """`TRIALS` with two channels of categories instead, some of them missing."""
    rng = np.random.default_rng(seed)
    shape = TRIALS.spikes.shape[:2]
    behavior = np.stack([rng.choice(known, shape) for known in CATEGORIES.values()], -1)
    behavior[np.isnan(TRIALS.behavior)] = np.nan
    return TRIALS.replace(
        behavior=behavior, behavior_names=tuple(CATEGORIES), behavior_kind="categorical"
    )


STAGED = staged()


@cache
def fitted() -> LatentSDE:
    """One fit on `STAGED` for all who only look."""
    return moved(fit(STAGED, signals__encode_behavior=True, signals__behavior_weight=2.0))


# --- learning ---------------------------------------------------------------------------------


@cache
def planted() -> tuple[LatentSDE, TrialSet, TrialSet]:
    """An oscillator, behaviour the third of its turn it is in, and a model of both."""
    system, size = (
        Oscillators.random((2.5,), n_neurons=30),
        {"n_trials": 90, "bins": 40, "bin_s": 0.02},
    )
    turn = np.angle(system.latents(**size)) / (2 * math.pi) + 0.5  # simulate's own
    behavior = 5.0 * np.floor(3 * turn).clip(max=2)
    trials = system.simulate(mean_rate_hz=20.0, **size).replace(
        behavior=behavior, behavior_names=("third",), behavior_kind="categorical"
    )
    model = LatentSDE(LinearSDE(4)).set_params(
        posterior__initial_s=0.2,
        encoder__hidden_dim=16,
        posterior__hidden_dim=16,
        decoder__width=16,
        samples=5,
        training=Training(epochs=25, batch_size=20, learning_rate=1e-2, validate_every=25),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(trials[:60]), trials[:60], trials[60:]


def test_categories_that_follow_the_latents_are_read_off_them() -> None:
    model, train, test = planted()
    found = generation_statistics(model.predict(test), *model.predict_generated(test), train)
    scores = {name: score.value for name, score in found.items()}
    assert scores["behavior majority share third"] < 0.4
    assert scores["behavior accuracy third"] > 0.75
    assert 0.5 < scores["generated behavior accuracy third"] < scores["behavior accuracy third"]
    assert scores["behavior log-loss third"] < scores["generated behavior log-loss third"]
    assert scores["generated behavior log-loss third"] < scores["behavior log-loss of shares third"]


# --- likelihood and masks ---------------------------------------------------------------------


def test_the_likelihood_is_that_of_a_softmax_of_the_units_for_each_channel() -> None:
    network, batch = doubled(fitted(), STAGED)
    with torch.no_grad():
        drawn = network.draw(batch, network.encode(batch), generator())
        found = network.log_likelihoods(batch, drawn)["behavior"]
        read = drawn.units.flatten(-2).numpy()
    expected = np.zeros(len(STAGED))
    for k, (channel, known) in enumerate(
        zip(network.behavior.channels, CATEGORIES.values(), strict=True)
    ):
        weight, bias = (p.detach().numpy() for p in (channel.readout.weight, channel.readout.bias))
        for trial, time in np.argwhere(np.isfinite(STAGED.behavior[..., k])):
            logits = weight @ read[trial, time] + bias
            place = known.index(float(STAGED.behavior[trial, time, k]))
            expected[trial] += logits[place] - np.log(np.exp(logits).sum())
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9)


def test_its_weight_weighs_it_and_the_history_reports_it() -> None:
    network, batch = doubled(fitted(), STAGED)
    with torch.no_grad():
        loss, terms = network.loss(batch, generator(), 0.0)
    cost = {
        name: float(terms[f"negative_log_likelihood_{name}"])
        for name in ("spikes", "behavior", "choice")
    }
    assert float(loss) == pytest.approx(
        cost["spikes"] + 2.0 * cost["behavior"] + cost["choice"], rel=1e-12
    )
    assert np.isfinite(fitted().history_[-1]["negative_log_likelihood_behavior"])


def test_categories_are_those_of_the_training_trials_with_their_shares() -> None:
    model = fit(STAGED[:12], signals__encode_behavior=False)
    assert model.population_.behavior_categories == CATEGORIES
    assert all(
        sum(share) == pytest.approx(1) for share in model.population_.behavior_shares.values()
    )


def test_a_category_never_seen_in_training_has_no_likelihood_and_counts_as_wrong() -> None:
    behavior = np.array(STAGED.behavior)
    behavior[5, 2:, 0] = 9.0
    strange, missing = (
        STAGED.replace(behavior=np.where(behavior == 9, v, behavior)) for v in (9.0, np.nan)
    )
    found = []
    for trials in (strange, missing):
        network, batch = doubled(fitted(), trials)
        shown = torch.ones(len(batch), dtype=torch.bool)
        with torch.no_grad():
            encoded = network.encode(batch, shown)
            found.append(network.log_likelihoods(batch, network.draw(batch, encoded, generator())))
    assert torch.equal(found[0]["behavior"], found[1]["behavior"])
    alone = strange.replace(behavior=np.where([True, False], 9.0, strange.behavior))
    prediction = fitted().predict(alone)
    scores = generation_statistics(prediction, prediction, 0, STAGED)
    assert scores["behavior accuracy stage"].value == 0
    assert scores["behavior log-loss stage"].value == pytest.approx(-math.log(1e-6))
    assert scores["behavior accuracy lick"].value > 0


# --- what the encoder sees --------------------------------------------------------------------


@MODES
def test_no_prediction_depends_on_the_behaviour_unless_it_is_shown(mode: str) -> None:
    model, other = fitted(), staged(seed=1)
    first = model.predict(STAGED, mode=mode)
    unmeasured = STAGED.replace(behavior=None, behavior_names=(), behavior_kind="continuous")
    assert all(equal(first, model.predict(trials, mode=mode)) for trials in (other, unmeasured))
    shown = [model.predict(trials, mode=mode, show_behavior=True) for trials in (STAGED, other)]
    assert not np.allclose(*(np.nan_to_num(each.rates) for each in shown), rtol=1e-4)


def test_the_encoder_reads_one_hot_channels_where_behaviour_is_shown() -> None:
    network, batch = doubled(fitted(), STAGED)
    seen: list[torch.Tensor] = []
    handle = network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    shown = torch.arange(len(batch)) % 2 == 0
    network.encode(batch, shown)
    handle.remove()
    beside = 2 * batch.inputs.shape[2]  # counts, and which of them are known
    read = seen[0][..., beside:].numpy()
    assert read.shape[2] == 3 + 2 + 2
    visible = (shown[:, None] & batch.observed).numpy()
    assert visible.any()
    behavior = STAGED.behavior
    one_hot = [
        behavior[..., k] == number
        for k, known in enumerate(CATEGORIES.values())
        for number in known
    ]
    expected = (
        np.concatenate([np.stack(one_hot, -1), np.isfinite(behavior)], -1) & visible[..., None]
    )
    np.testing.assert_array_equal(read, expected)


# --- predictions ------------------------------------------------------------------------------


@MODES
def test_predictions_are_averaged_probabilities_and_the_likeliest_category(mode: str) -> None:
    inside = STAGED.valid
    found = fitted().predict(STAGED, samples=3, mode=mode)
    assert found.behavior_names == tuple(CATEGORIES) == tuple(found.behavior_probabilities)
    for k, (name, known) in enumerate(CATEGORIES.items()):
        chances = found.behavior_probabilities[name]
        assert found.behavior_categories[name].tolist() == known
        assert chances.shape == (*STAGED.spikes.shape[:2], len(known))
        np.testing.assert_allclose(chances[inside].sum(-1), 1, rtol=1e-5)
        assert np.isnan(chances[~inside]).all()
        best = np.array(known)[chances[inside].argmax(-1)]
        np.testing.assert_array_equal(found.behavior[inside][:, k], best)
        assert np.isin(found.behavior_samples[:, inside][..., k], known).all()
    assert np.isnan(found.behavior[~inside]).all()
    assert found.behavior_std is None
    assert found.behavior_samples.shape == (3, *STAGED.behavior.shape)
    assert {"behavior_stage_probability", "behavior"} <= set(found.to_xarray())


def test_probabilities_of_paths_are_averaged() -> None:
    three = fitted().predict(STAGED, samples=3, seed=1)
    with torch.no_grad():
        network, batch = fitted().network_, fitted().read(STAGED)
        encoded, chances = network.encode(batch), []
        for path in range(3):
            drawn = network.draw(batch, encoded, path_generator(batch.inputs.device, 1, path))
            chances.append(
                network.behavior.of_channels(network.behavior.mean(drawn.units.flatten(-2)))[
                    "stage"
                ]
            )
    inside = STAGED.valid
    mean = torch.stack(chances).mean(0).numpy()
    np.testing.assert_allclose(
        three.behavior_probabilities["stage"][inside], mean[inside], rtol=1e-5
    )


def test_sampled_trials_hold_categories() -> None:
    model = fitted()
    made = model.sample(trials=STAGED, seed=2)
    assert made.behavior_kind == "categorical"
    assert made.behavior_names == tuple(CATEGORIES)
    for k, known in enumerate(CATEGORIES.values()):
        assert set(np.unique(made.behavior[made.valid][:, k])) == set(known)
    likeliest = model.sample(trials=STAGED, behavior="mean", seed=2)
    generated = model.predict(STAGED, samples=1, seed=2, mode="generate")
    np.testing.assert_array_equal(likeliest.behavior, generated.behavior_samples[0])
    fit(made)  # as any other trials


def test_a_saved_model_predicts_the_same(tmp_path: Path) -> None:
    model = fitted()
    again = LatentSDE.load(model.save(tmp_path / "model.safetensors"))
    assert again.population_ == model.population_
    mine, theirs = (each.predict(STAGED, samples=2, seed=3) for each in (model, again))
    assert equal(mine, theirs)
    for name in CATEGORIES:
        np.testing.assert_array_equal(
            mine.behavior_probabilities[name], theirs.behavior_probabilities[name]
        )


def test_an_ensemble_averages_probabilities() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ensemble = Ensemble(small(), 2).fit(STAGED)
    found, each = ensemble.predict(STAGED), [member.predict(STAGED) for member in ensemble.members_]
    inside = STAGED.valid
    for k, (name, known) in enumerate(CATEGORIES.items()):
        mean = np.mean([one.behavior_probabilities[name] for one in each], axis=0)
        np.testing.assert_array_equal(found.behavior_probabilities[name], mean)
        np.testing.assert_array_equal(
            found.behavior[inside][:, k], np.array(known)[mean[inside].argmax(-1)]
        )
    assert found.behavior_std is None
    assert ensemble.predict(STAGED, samples=2).behavior_samples.shape == (2, *STAGED.behavior.shape)
