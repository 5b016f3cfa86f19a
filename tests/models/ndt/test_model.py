"""NDT and STNDT: they learn, hide what is masked, cause nothing backwards in time, and resume."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import make_small_trials
from tests.models.small import GAPS
from tests.models.small_ndt import built, fitted, small, weights
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation import co_smoothing_bps
from undertow.models import NDT, STNDT, Masking
from undertow.models.ndt.masking import mask_counts
from undertow.training import Training

both = pytest.mark.parametrize("cls", [NDT, STNDT])
every = pytest.mark.parametrize(
    ("cls", "own"),
    [(NDT, {}), (STNDT, {}), (STNDT, {"mixes": "features"})],
    ids=["NDT", "STNDT", "features"],
)


def same_weights(a: Any, b: Any) -> bool:
    return all(torch.equal(v, weights(b)[k]) for k, v in weights(a).items())


@both
def test_it_learns_more_than_mean_rates(cls: type[Any]) -> None:
    """Bits per spike are those gained over each neuron's mean rate."""
    trials = make_small_trials(n_trials=60).hold_out(2, seed=0)
    train, test = trials[:45], trials[45:]
    training = Training(epochs=60, batch_size=16, learning_rate=1e-2, average_decay=0.8)
    model = small(cls, encoder__width=16, dropout=0.1, training=training).fit(train)
    heldout = trials.heldout
    counts = model.predict(test).counts[:, :, heldout]
    assert co_smoothing_bps(counts, test.spikes[:, :, heldout]) > 0.1
    assert model.validation_score_ == max(row["validation_score"] for row in model.history_)


@every
@pytest.mark.parametrize("unit", ["bins", "entries"])
def test_a_masked_count_never_reaches_its_own_rate(
    cls: type[Any], own: dict[str, Any], unit: Any
) -> None:
    """Nor any other rate: what is masked may be anything."""
    network, batch = built(cls, **own)
    masking, features = Masking(0.4, unit, zeroed=1.0), []
    for more in (0.0, 3.0):
        generator = torch.Generator().manual_seed(0)
        _, weight = mask_counts(batch.inputs, masking, 0.0, generator, 0.0)
        changed = batch.inputs + more * (weight > 0)
        inputs, again = mask_counts(changed, masking, 0.0, generator.manual_seed(0), 0.0)
        assert torch.equal(again, weight)
        features.append(network.features(batch, inputs))
    assert torch.equal(*features)
    shown = network.features(batch, batch.inputs + (weight == 0))
    assert not torch.equal(shown, features[0])


def truncated(trials: TrialSet, n_time: int) -> TrialSet:
    return trials.select(time=slice(0, n_time))


@pytest.mark.parametrize("settings", [{}, {"encoder__positions": "learned"}], ids=str)
def test_a_causal_model_gives_bin_by_bin_what_it_gives_on_truncated_trials(
    settings: dict[str, Any],
) -> None:
    trials = make_small_trials(n_trials=24, n_time=10, n_neurons=6).hold_out(2, seed=0)
    causal = small(causal=True, encoder__ahead_s=0.04, **settings).fit(trials)
    whole = causal.predict(trials).rates
    for n_time in (1, 4, 9):
        rates = causal.predict(truncated(trials, n_time)).rates
        assert np.allclose(rates, whole[:, :n_time], rtol=1e-4)
    ahead = small(**settings).fit(trials)
    rates = ahead.predict(truncated(trials, 4)).rates
    assert not np.allclose(rates, ahead.predict(trials).rates[:, :4], rtol=1e-2)


@both
def test_garbage_where_nothing_was_observed_changes_nothing(cls: type[Any]) -> None:
    """In held-out neurons, in forward bins and past a trial's end."""
    clean = fitted(cls).predict(GAPS)
    for garbage in (0.0, 50.0, np.nan):
        spikes = np.array(GAPS.spikes)
        spikes[:, :, GAPS.heldout] = garbage
        spikes[:, -GAPS.forward_bins :] = garbage
        spikes[~GAPS.valid] = garbage
        dirty = fitted(cls).predict(GAPS.replace(spikes=spikes))
        assert np.array_equal(dirty.rates, clean.rates, equal_nan=True)
        assert np.array_equal(dirty.latents["h"], clean.latents["h"], equal_nan=True)


@every
def test_a_missing_bin_changes_no_other_bin(cls: type[Any], own: dict[str, Any]) -> None:
    """Its own features may be anything: no other bin attends to it."""
    network, batch = built(cls, **own)
    features = network.features(batch, batch.inputs)
    missing = ~batch.valid & batch.inside
    assert missing.any()
    hit = network.embed.register_forward_hook(
        lambda _, __, out: torch.where(missing[..., None], out + 100.0, out)
    )
    other = network.features(batch, batch.inputs)
    hit.remove()
    assert torch.equal(other[batch.valid], features[batch.valid])
    assert not torch.equal(other[missing], features[missing])


@both
def test_longer_trials_are_predicted_unless_positions_were_learned(cls: type[Any]) -> None:
    longer = make_small_trials(n_trials=4, n_time=30, n_neurons=6).hold_out(2, seed=0)
    trials = truncated(longer, 12)
    assert np.isfinite(small(cls).fit(trials).predict(longer).rates).all()
    learned = small(cls, encoder__positions="learned").fit(trials)
    assert np.isfinite(learned.predict(truncated(longer, 5)).rates).all()
    with pytest.raises(ModelError, match=r"30 bins and positions were learned of 12: give shorter"):
        learned.predict(longer)
    with pytest.raises(ModelError, match="30 bins and positions were learned of 12"):
        learned.copy().fit(trials, validation=longer)


@both
def test_fit_resumes_bit_equal(cls: type[Any], tmp_path: Any) -> None:
    calls = iter(range(100))

    def stop(row: dict[str, float], share: float, left: float) -> None:
        if next(calls) == 1:
            raise KeyboardInterrupt

    settings: dict[str, Any] = {"masking": Masking(0.2, zeroed=0.5, longest_span=3)}
    if cls is STNDT:
        settings["contrast__weight"] = 1.0
    with pytest.raises(KeyboardInterrupt):
        small(cls, epochs=4, **settings).fit(GAPS, checkpoint=tmp_path, progress=stop)
    resumed = small(cls, epochs=4, **settings).fit(GAPS, checkpoint=tmp_path, resume=True)
    unbroken = small(cls, epochs=4, **settings).fit(GAPS)
    assert same_weights(resumed, unbroken)
    assert ("contrast" in unbroken.history_[0]) == (cls is STNDT)


def test_the_contrastive_term_is_weighed_and_logged() -> None:
    rows = [
        small(STNDT, epochs=1, contrast__weight=weight).fit(GAPS).history_[0]
        for weight in (0.5, 2.0)
    ]
    for row, weight in zip(rows, (0.5, 2.0), strict=True):
        both = row["negative_log_likelihood"] + weight * row["contrast"]
        assert row["loss"] == pytest.approx(both, rel=1e-5)
    assert "contrast" not in fitted(STNDT).history_[0]


@both
def test_nothing_is_drawn(cls: type[Any]) -> None:
    model = fitted(cls)
    assert not model.has_posterior()
    with pytest.raises(ModelError, match=f"{cls.__name__} has no posterior to sample from"):
        model.predict(GAPS, samples=50, seed=3)
    with pytest.raises(ModelError, match=f"{cls.cli_name} makes no trials without data: it predic"):
        model.sample(3, 10)
    with pytest.raises(ModelError, match="not fitted"):
        cls().sample(3, 10)


def test_many_trials_are_predicted_in_parts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(STNDT).predict(GAPS)
    score = fitted(STNDT).validation_score_
    monkeypatch.setattr("undertow.models.ndt.prediction.TRIALS_AT_ONCE", 5)
    monkeypatch.setattr("undertow.models.ndt.prediction.DECODED_BYTES", 1)
    parts = fitted(STNDT).predict(GAPS)
    assert np.allclose(parts.rates, whole.rates, equal_nan=True)
    assert np.allclose(parts.terms["log_likelihood"], whole.terms["log_likelihood"])
    assert small(STNDT).fit(GAPS).validation_score_ == pytest.approx(score, rel=1e-5)


def test_features_that_are_mixed_are_as_many_for_each_neuron() -> None:
    """Four of the six neurons are held in."""
    of_features = {w: built(STNDT, mixes="features", encoder__width=w) for w in (2, 4, 5, 9)}
    assert {w: net.width for w, (net, _) in of_features.items()} == {2: 4, 4: 4, 5: 8, 9: 12}
    for cls in (NDT, STNDT):
        assert built(cls, encoder__width=9)[0].width == 9


def test_more_heads_than_features_are_refused() -> None:
    with pytest.raises(ModelError, match=r"encoder\.heads is 9: .* from 1 to 8"):
        small(encoder__heads=9)


@both
def test_settings_come_back_from_a_file(cls: type[Any], tmp_path: Any) -> None:
    settings = {"masking": Masking(0.2, "entries", longest_span=4, span_ramp=(0.1, 0.3))}
    model = small(cls, encoder__positions="learned", coordinated_dropout=(0.0, 0.5), **settings)
    loaded = cls.load(model.fit(GAPS).save(tmp_path / "model"))
    assert loaded.get_params() == model.get_params()
    assert np.array_equal(loaded.predict(GAPS).rates, model.predict(GAPS).rates, equal_nan=True)


def test_stndt_that_mixes_nothing_is_ndt_and_other_words_are_refused() -> None:
    assert same_weights(small(STNDT, mixes=None).fit(GAPS), fitted(NDT))
    with pytest.raises(ModelError, match=r"mixes is 'neurons': it must be one of .*'counts', 'fea"):
        small(STNDT, mixes="neurons").fit(GAPS)
