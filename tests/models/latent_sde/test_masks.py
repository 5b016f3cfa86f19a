"""What `LatentSDE` may see and what it is scored on: nothing else changes anything."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.models.latent_sde.test_network import MODES, STEPS, doubled, equal, generator, moved
from tests.models.small_sde import N_TIME, TRIALS, fit, fitted, with_times
from undertow.data import Prediction, TrialSet
from undertow.errors import ModelError
from undertow.models import LatentSDE

T0_BINS = 3  # of 20 ms, in the 60 ms of `SMALL`
FULL = TRIALS.replace(lengths=np.full(len(TRIALS), N_TIME), spikes=np.nan_to_num(TRIALS.spikes))


def changed(trials: TrialSet, bins: slice, value: float = 9.0, **names: Any) -> TrialSet:
    """Other spikes and behaviour in some bins."""
    spikes, behavior = np.array(trials.spikes), np.array(trials.behavior)
    spikes[:, bins], behavior[:, bins] = value, -value
    return trials.replace(**({"spikes": spikes, "behavior": behavior} | names))


# --- missing bins and ends of trials ----------------------------------------------------------


@STEPS
def test_garbage_where_nothing_was_observed_changes_neither_loss_nor_gradient(
    bins_per_step: float,
) -> None:
    network, batch = doubled(
        moved(fit(with_times(TRIALS), solver__bins_per_step=bins_per_step)), with_times(TRIALS)
    )
    past = torch.arange(N_TIME) >= batch.lengths[:, None]
    assert batch.stimulus is not None
    dirty = replace(
        batch,
        given=torch.where(batch.observed[..., None], batch.inputs, 1e3),
        stimulus=torch.where(past[..., None], -1e2, batch.stimulus),
    )
    found = [loss_and_gradients(network, b) for b in (batch, dirty)]
    assert found[0][0] == found[1][0]
    assert all(torch.equal(a, b) for a, b in zip(found[0][1], found[1][1], strict=True))


def loss_and_gradients(network: Any, batch: Any) -> tuple[float, list[Tensor]]:
    loss, _ = network.loss(batch, generator(), 1.0)
    learned = [p for p in network.parameters() if p.requires_grad]
    return float(loss.detach()), list(torch.autograd.grad(loss, learned))


@MODES
def test_garbage_past_the_end_of_a_trial_changes_no_prediction(mode: str) -> None:
    spikes, behavior, stimulus = (
        np.array(v) for v in (TRIALS.spikes, TRIALS.behavior, TRIALS.stimulus)
    )
    for values in (spikes, behavior, stimulus):
        values[~TRIALS.valid] = 77
    dirty = TRIALS.replace(spikes=spikes, behavior=behavior, stimulus=stimulus)
    assert equal(fitted().predict(TRIALS, mode=mode), fitted().predict(dirty, mode=mode))


def test_behaviour_that_is_missing_is_not_scored_and_the_rest_is() -> None:
    network, batch = doubled(fitted(), TRIALS)
    with torch.no_grad():
        drawn = network.draw(batch, network.encode(batch), generator())
        found = network.log_likelihoods(batch, drawn)["behavior"]
        read = drawn.units.flatten(-2)
        mean, std = network.behavior.mean(read), (0.5 * network.behavior.logvar(read)).exp()
        assert batch.behavior is not None
        scores = torch.distributions.Normal(mean, std).log_prob(torch.nan_to_num(batch.behavior))
    there = batch.behavior.isfinite()
    assert not there.all(2).all()
    assert torch.allclose(found, (scores * there).sum((1, 2)), rtol=1e-10)


def test_behaviour_all_missing_in_a_trial_leaves_the_trial_its_spikes() -> None:
    behavior = np.array(TRIALS.behavior)
    behavior[::2] = np.nan
    model = fit(TRIALS.replace(behavior=behavior))
    assert np.isfinite(model.history_[-1]["loss"])


# --- behaviour --------------------------------------------------------------------------------


def with_behavior(model: LatentSDE, **options: Any) -> list[Prediction]:
    """Predictions for trials, for others of different behaviour, and for others without any."""
    other = changed(TRIALS, slice(None), spikes=TRIALS.spikes)
    fields = ("spikes", "bin_s", "lengths", "stimulus", "labels", "region", "neuron_ids")
    none = TrialSet(**{name: getattr(TRIALS, name) for name in fields})
    return [model.predict(trials, **options) for trials in (TRIALS, other, none)]


@MODES
@pytest.mark.parametrize("encode_behavior", [False, True])
def test_no_prediction_depends_on_the_behaviour(mode: str, encode_behavior: bool) -> None:
    model = moved(fit(signals__encode_behavior=encode_behavior))
    first, *others = with_behavior(model, mode=mode)
    assert all(equal(first, other) for other in others)


def test_behaviour_is_read_when_shown_to_an_encoder_that_can() -> None:
    model = moved(fit(signals__encode_behavior=True))
    other = TRIALS.replace(behavior=-TRIALS.behavior)
    shown = model.predict(TRIALS, show_behavior=True)
    assert not equal(shown, model.predict(other, show_behavior=True), 1e-4)
    assert not equal(shown, model.predict(TRIALS), 1e-4)


def test_it_is_shown_only_where_it_is_and_can_be_read() -> None:
    with pytest.raises(
        ModelError,
        match=r"show_behavior=True needs a model fitted with signals\.encode_behavior=True",
    ):
        fitted().predict(TRIALS, show_behavior=True)
    with pytest.raises(ModelError, match="and trials that hold behaviour"):
        fit(signals__encode_behavior=True).predict(
            TRIALS.replace(behavior=None), show_behavior=True
        )


def test_in_training_half_of_the_behaviour_is_hidden() -> None:
    network, batch = doubled(moved(fit(signals__encode_behavior=True)), TRIALS)
    seen: list[Tensor] = []
    network.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    many = batch.take(torch.zeros(2000, dtype=torch.long))
    network.loss(many, generator(), 1.0)
    channel = seen[0][..., -2:]  # which behaviour is seen
    share = float((channel.flatten(1).sum(1) > 0).double().mean())
    assert share == pytest.approx(0.5, abs=0.05)


# --- the start --------------------------------------------------------------------------------


@pytest.mark.parametrize("irregular", [False, True], ids=["regular", "irregular"])
@pytest.mark.parametrize("encode_behavior", [False, True])
def test_generated_trials_never_depend_on_what_comes_after_t0(
    irregular: bool, encode_behavior: bool
) -> None:
    trials = spread_out(FULL) if irregular else FULL
    model = moved(fit(trials, signals__encode_behavior=encode_behavior))
    first = 2 if irregular else T0_BINS  # of the times 10, 50, 90 ms … two lie before 60 ms
    later, sooner = (
        changed(trials, bins) for bins in (slice(first, None), slice(first - 1, first))
    )
    options = {"mode": "generate", "show_behavior": encode_behavior}
    generated = model.predict(trials, **options)
    assert equal(generated, model.predict(later, **options))
    assert not equal(generated, model.predict(sooner, **options), 1e-4)
    assert not equal(model.predict(trials), model.predict(later), 1e-4)


def spread_out(trials: TrialSet) -> TrialSet:
    """Observed in every other 20 ms."""
    times = trials.start_s + 0.01 + 0.04 * np.arange(trials.n_time)
    return trials.replace(times=np.tile(times, (len(trials), 1)))


def test_without_t0_generated_trials_use_no_observation() -> None:
    model = moved(fit(FULL, posterior__initial_s=0.0))
    generated = model.predict(FULL, mode="generate")
    assert equal(generated, model.predict(changed(FULL, slice(None)), mode="generate"))
    assert (generated.terms["kl_initial"] == 0).all()
    assert not equal(model.predict(FULL), model.predict(changed(FULL, slice(None))), 1e-4)


def test_a_forward_context_sees_nothing_of_the_future() -> None:
    model = moved(fit(FULL, encoder__context="forward"))
    early, late = (model.predict(t).rates for t in (FULL, changed(FULL, slice(7, None))))
    assert np.array_equal(early[:, :8], late[:, :8])
    assert not np.allclose(early[:, 8:], late[:, 8:])


# --- stimulus and regions ---------------------------------------------------------------------


def test_a_stimulus_drives_what_follows_it() -> None:
    stimulus = np.array(FULL.stimulus)
    stimulus[:, 6:] = 3.0
    model = moved(fit(FULL))
    before, after = (
        model.predict(t, mode="generate").rates for t in (FULL, FULL.replace(stimulus=stimulus))
    )
    assert np.array_equal(before[:, :7], after[:, :7])
    assert not np.allclose(before[:, 7:], after[:, 7:])


def test_time_as_an_input_makes_the_same_start_go_another_way() -> None:
    model = moved(fit(FULL, signals__time=True))
    assert model.dynamics_.input_dim == 3
    assert np.isfinite(model.predict(FULL).rates).all()


def test_neurons_read_the_units_of_their_own_region() -> None:
    model = moved(fit(FULL, regions={"V1": 1, "CA1": 2, "MOs": 1}, latent_dim=8))
    network, batch = doubled(model, FULL)
    units = torch.randn(2, N_TIME, 4, 2, generator=generator()).double()
    owner = {"V1": [0], "CA1": [1, 3], "MOs": [2]}  # dealt out in turn
    with torch.no_grad():
        rates = rates_of(network, batch, units)
        for region, own in owner.items():
            other = units.clone()
            other[:, :, own] += 1.0
            differs = (rates_of(network, batch, other) != rates).flatten(0, 1).any(0)
            assert differs.tolist() == [r == region for r in FULL.region]


def rates_of(network: Any, batch: Any, units: Tensor) -> Tensor:
    features = network.decoder(units.flatten(-2), batch.valid[:2], batch.time_s)
    return network.observation.mean(features)
