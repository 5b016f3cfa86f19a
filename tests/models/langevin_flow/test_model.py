"""LangevinFlow: it learns, repeats itself, resumes; without data it gives what it can."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small, weights
from undertow.data import join_trials
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.evaluation import co_smoothing_bps
from undertow.models import LangevinFlow
from undertow.training import Training
from undertow.training import train as train_network

pytestmark = pytest.mark.filterwarnings(UNUSED)


def same_weights(a: LangevinFlow, b: LangevinFlow) -> bool:
    return all(torch.equal(v, weights(b)[k]) for k, v in weights(a).items())


def test_it_learns_more_than_mean_rates() -> None:
    """Bits per spike are those gained over each neuron's mean rate."""
    trials = make_small_trials(n_trials=60).hold_out(2, seed=0)
    train, test = trials[:45], trials[45:]
    training = Training(
        epochs=60, batch_size=16, learning_rate=1e-2, validate_every=5, average_decay=0.8
    )
    model = small(encoder__hidden_dim=16, decoder__width=16, dropout=0.1, training=training).fit(
        train
    )
    prediction = model.predict(test)
    heldout = trials.heldout
    untrained = small(encoder__hidden_dim=16, decoder__width=16, epochs=1).fit(train)
    scores = [
        co_smoothing_bps(p.counts[:, :, heldout], test.spikes[:, :, heldout])
        for p in (prediction, untrained.predict(test))
    ]
    assert scores[0] > 0.1
    assert scores[0] > scores[1] + 0.1
    assert model.validation_score_ == max(row["validation_score"] for row in model.history_)


def test_same_seed_same_numbers_other_seed_others() -> None:
    torch.rand(7)
    assert same_weights(fitted(), small().fit(GAPS))
    assert not same_weights(fitted(), small(seed=1).fit(GAPS))


def test_nothing_touches_the_global_generator() -> None:
    before = torch.get_rng_state()
    model = small().fit(GAPS)
    model.predict(GAPS)
    model.sample_prior(2, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_validation_trials_choose_and_nothing_else() -> None:
    """With one validation, at the end, what they hold cannot change the weights."""
    train, validation = GAPS[:18], GAPS[18:]
    training = Training(epochs=2, batch_size=16, validate_every=2)
    other = validation.replace(spikes=np.array(validation.spikes)[:, ::-1])
    a, b = (small(training=training).fit(train, validation=v) for v in (validation, other))
    assert same_weights(a, b)


def test_fit_resumes_bit_equal(tmp_path: Any) -> None:
    calls = iter(range(100))

    def stop(row: dict[str, float], share: float, left: float) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small(epochs=4).fit(GAPS, checkpoint=tmp_path, progress=stop)
    resumed = small(epochs=4).fit(GAPS, checkpoint=tmp_path, resume=True)
    unbroken = small(epochs=4).fit(GAPS)
    assert same_weights(resumed, unbroken)
    assert np.array_equal(resumed.predict(GAPS).rates, unbroken.predict(GAPS).rates, equal_nan=True)


def test_unused_latents_are_said() -> None:
    with pytest.warns(
        UserWarning, match=r"of 16 initial latent coordinates carry less than 0\.01 nat per trial"
    ):
        small(epochs=1).fit(GAPS)


# --- again, on all trials ---------------------------------------------------------------------

REFIT = Training(epochs=4, batch_size=16, validate_every=1, learning_rate=1e-2, refit=True)


def test_refitting_learns_from_the_validation_trials_too() -> None:
    train, validation = GAPS[:18], GAPS[18:]
    # a single validation: whatever it finds, the best epoch is the last
    once = Training(epochs=4, batch_size=16, validate_every=4, learning_rate=1e-2, refit=True)
    other = validation.replace(spikes=np.array(validation.spikes)[:, ::-1])
    a, b, again = (
        small(training=once).fit(train, validation=v) for v in (validation, other, validation)
    )
    assert same_weights(a, again)
    assert not same_weights(a, b)
    assert len(a.history_) == 1


def test_refitting_resumes_bit_equal_from_either_stage(tmp_path: Path) -> None:
    unbroken = small(training=REFIT).fit(GAPS)
    for stop_at in (1, 4):  # in the first training, then in the second one
        calls = iter(range(100))

        def stop(
            row: dict[str, float], share: float, left: float, calls: Any = calls, at: int = stop_at
        ) -> None:
            if next(calls) == at:
                raise KeyboardInterrupt

        folder = tmp_path / str(stop_at)
        with pytest.raises(KeyboardInterrupt):
            small(training=REFIT).fit(GAPS, checkpoint=folder, progress=stop)
        resumed = small(training=REFIT).fit(GAPS, checkpoint=folder, resume=True)
        assert same_weights(resumed, unbroken)
        assert len(resumed.history_) == 4


def test_refitting_the_last_weights_is_one_training_on_all_trials() -> None:
    """Nothing is chosen on the validation trials, so there is nothing to train twice for."""
    train, validation = GAPS[:18], GAPS[18:]
    last = Training(epochs=3, batch_size=16, validate_every=1, keep="last")
    refitted = small(training=replace(last, refit=True)).fit(train, validation=validation)
    plain = small(training=last)
    plain._build(
        plain.describe(train), train
    )  # the rates start at those of the training trials in either
    batch = Batch.from_trials(join_trials(train, validation))
    history = train_network(plain.network_, batch, plain.objective, None, last, plain.seed)
    assert same_weights(refitted, plain)
    assert np.isnan(refitted.validation_score_)
    assert len(refitted.history_) == len(history) == 3


def test_training_that_never_finished_an_epoch_gives_no_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(self: Any, *_: Any) -> Any:
        nothing = next(self.network_.parameters()).sum() * np.nan
        return nothing, {"negative_log_likelihood": nothing}

    monkeypatch.setattr(LangevinFlow, "objective", broken)
    model = small(training=Training(epochs=2, retries=0, refit=True))
    with pytest.raises(ModelError, match=r"first epoch in 1 tries: negative_log_likelihood is not"):
        model.fit(GAPS)


# --- without data -----------------------------------------------------------------------------


def test_prior_paths_come_without_data() -> None:
    paths = fitted().sample_prior(5, 30, seed=1)
    assert {k: v.shape for k, v in paths.items()} == {"z": (5, 30, 8), "v": (5, 30, 8)}
    assert np.isfinite(paths["z"]).all()
    assert np.array_equal(fitted().sample_prior(5, 30, seed=1)["z"], paths["z"], equal_nan=True)
    assert not np.array_equal(fitted().sample_prior(5, 30, seed=2)["z"], paths["z"], equal_nan=True)
    with pytest.raises(ModelError, match=r"no latents \(dynamics=None\)"):
        small(dynamics=None).fit(GAPS).sample_prior(2, 3)


def test_trials_come_without_data_only_from_latents_alone() -> None:
    with pytest.raises(
        ModelError, match=r"rates cannot be made without data: the decoder sees .* h"
    ):
        fitted().sample(3, 10)
    model = small(decoder__inputs=("z", "v")).fit(GAPS)
    made = model.sample(3, 12, seed=1)
    assert made.spikes.shape == (3, 12, 6)
    assert made.truth is not None
    assert (made.truth > 0).all()
    assert (made.neuron_ids == GAPS.neuron_ids).all()
    assert np.array_equal(model.sample(3, 12, seed=1).spikes, made.spikes, equal_nan=True)


# --- what it holds ----------------------------------------------------------------------------


def test_parameters_are_counted_where_they_are_learned() -> None:
    """Positions 8, kernels of 4 groups with 4 free taps; γ and the temperature of each position."""
    learned = small(dynamics__learn=("gamma", "temperature"), epochs=1).fit(GAPS)
    assert learned.parameter_counts()["dynamics"] == 4 * 4 + 2 * 8
    assert small(dynamics__learn=(), epochs=1).fit(GAPS).parameter_counts()["dynamics"] == 4 * 4
    every = sum(p.numel() for p in learned.network_.parameters() if p.requires_grad)
    assert learned.parameter_counts()["all"] == every
    assert small(dynamics=None, epochs=1).fit(GAPS).parameter_counts()["dynamics"] == 0


@pytest.mark.parametrize(("order", "state_dim"), [(1, 8), (2, 16)])
def test_divergences_of_each_coordinate_sum_to_the_terms(order: int, state_dim: int) -> None:
    model = small(posterior="controlled", dynamics__order=order, epochs=4).fit(GAPS)
    nats, terms = model.kl_per_coordinate(GAPS, seed=3), model.predict(GAPS, seed=3).terms
    assert {k: v.shape for k, v in nats.items()} == {"initial": (state_dim,), "path": (8,)}
    for name in nats:
        assert float(nats[name].sum()) == pytest.approx(float(terms[f"kl_{name}"].mean()), rel=1e-3)
        assert (nats[name] > 0).all()
    nothing = small(dynamics=None, epochs=1).fit(GAPS).kl_per_coordinate(GAPS)
    assert {k: v.shape for k, v in nothing.items()} == {"initial": (0,), "path": (0,)}
