"""What LangevinFlow predicts: shapes and units; nothing held out, future, missing or padded leaks
in."""

from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small, trials_with_gaps
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import Variant

pytestmark = pytest.mark.filterwarnings(UNUSED)


def test_prediction_has_its_shapes_and_units() -> None:
    prediction = fitted().predict(GAPS)
    assert prediction.rates.shape == GAPS.spikes.shape
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert (prediction.rates[GAPS.valid] > 0).all()
    # a start at the mean rates: spikes/s, not counts per bin, which are fifty times fewer
    assert prediction.rates[GAPS.valid].mean() == pytest.approx(
        np.nanmean(GAPS.mean_rates), rel=0.3
    )
    assert {k: v.shape for k, v in prediction.latents.items()} == {
        "z": (24, 10, 8),
        "v": (24, 10, 8),
        "h": (24, 10, 6),
    }
    assert {k: v.shape for k, v in prediction.terms.items()} == {
        "log_likelihood": (24,),
        "kl_initial": (24,),
        "kl_path": (24,),
    }
    assert prediction.groups == {"z": 4, "v": 4}
    assert prediction.rate_samples is None


def test_samples_are_kept_on_request_and_average_to_the_rates() -> None:
    prediction = fitted().predict(GAPS, samples=5, seed=3)
    assert prediction.rate_samples is not None
    assert prediction.rate_samples.shape == (5, *GAPS.spikes.shape)
    assert prediction.latent_samples["z"].shape == (5, 24, 10, 8)
    assert np.allclose(prediction.rate_samples.mean(0), prediction.rates, rtol=1e-5, equal_nan=True)
    assert not np.array_equal(
        prediction.latent_samples["z"][0], prediction.latent_samples["z"][1], equal_nan=True
    )
    again, other = (
        fitted().predict(GAPS, samples=5, seed=3),
        fitted().predict(GAPS, samples=5, seed=4),
    )
    assert np.array_equal(again.rates, prediction.rates, equal_nan=True)
    assert not np.array_equal(other.rates, prediction.rates, equal_nan=True)


def test_more_trials_than_fit_at_once_are_predicted_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = fitted().predict(GAPS)
    monkeypatch.setattr("undertow.models.langevin_flow.prediction.TRIALS_AT_ONCE", 7)
    chunked = fitted().predict(GAPS)
    assert chunked.rates.shape == whole.rates.shape
    assert np.allclose(chunked.latents["h"], whole.latents["h"], atol=1e-6, equal_nan=True)


def test_past_a_trials_end_everything_is_nan_and_nothing_before_it() -> None:
    prediction = fitted().predict(GAPS, samples=2)
    series = {"rates": prediction.rates, **prediction.latents}
    series |= {f"sample of {k}": v[1] for k, v in prediction.latent_samples.items()}
    series["sample of rates"] = prediction.rate_samples[1]  # type: ignore[index]
    assert not GAPS.valid.all()
    for values in series.values():
        assert np.array_equal(np.isfinite(values).all(-1), GAPS.valid)
        assert np.array_equal(~np.isnan(values).all(-1), GAPS.valid)


def test_intervals_need_and_take_200_samples() -> None:
    low, high = fitted().predict(GAPS[:2], samples=200).interval(0.9)
    assert low.shape == (2, 10, 6)
    assert (low <= high)[GAPS[:2].valid].all()
    with pytest.raises(ValueError, match="200 samples or more, here are 5"):
        fitted().predict(GAPS[:2], samples=5).interval()


@pytest.mark.parametrize("garbage", [0.0, 7.0, np.nan])
@pytest.mark.parametrize("where", ["heldout", "forward", "both"])
def test_held_out_and_forward_spikes_change_no_prediction(where: str, garbage: float) -> None:
    spikes = np.array(GAPS.spikes)
    if where in ("heldout", "both"):
        spikes[:, :, GAPS.heldout] = garbage
    if where in ("forward", "both"):
        spikes[:, -GAPS.forward_bins :] = garbage
    a, b = fitted().predict(GAPS), fitted().predict(GAPS.replace(spikes=spikes))
    assert np.array_equal(a.rates, b.rates, equal_nan=True)
    assert all(np.array_equal(a.latents[k], b.latents[k], equal_nan=True) for k in a.latents)


@pytest.mark.parametrize(
    "settings",
    [{}, {"encoder__bidirectional": True}, {"posterior": "controlled"}, {"dynamics": None}],
)
def test_what_lies_past_a_trials_end_changes_nothing(settings: dict[str, Any]) -> None:
    trials = trials_with_gaps(forward_bins=0)
    model = small(**settings).fit(trials)
    padded = np.pad(trials.spikes, ((0, 0), (0, 3), (0, 0)), constant_values=9.0)
    longer = TrialSet(
        padded, 0.02, lengths=trials.lengths, heldout=trials.heldout, neuron_ids=trials.neuron_ids
    )
    a, b = model.predict(trials), model.predict(longer)
    inside = trials.valid
    assert np.allclose(a.rates[inside], b.rates[:, :10][inside], rtol=1e-4, equal_nan=True)
    for name, term in a.terms.items():
        assert np.allclose(term, b.terms[name], rtol=1e-4, atol=1e-5, equal_nan=True)


def test_forward_prediction_learns_what_comes_after_the_window() -> None:
    """Neurons that fire four times as much in the forward bins are predicted to."""
    rng = np.random.default_rng(0)
    rates = np.where(np.arange(12)[:, None] < 9, 0.5, 2.0)
    trials = TrialSet(rng.poisson(np.broadcast_to(rates, (30, 12, 5))), 0.02, forward_bins=3)
    model = small(epochs=60, dropout=0.0).fit(trials)
    counts = model.predict(trials).counts
    assert counts[:, 9:].mean() > 1.5 * counts[:, :9].mean()


@pytest.mark.parametrize("posterior", ["autonomous", "controlled"])
@pytest.mark.parametrize("decoder", ["transformer", "mlp", "linear"])
def test_a_causal_model_gives_bin_by_bin_what_it_gives_on_the_truncated_trials(
    posterior: str, decoder: str
) -> None:
    trials = make_small_trials(n_trials=12, n_time=8, n_neurons=5).hold_out(1, seed=0)
    model = small(
        causal=True, posterior__initial_s="first", posterior=posterior, decoder=decoder, epochs=3
    ).fit(trials)
    whole = model.predict(trials, samples=3)
    for t in range(1, 9):
        part = model.predict(trials.select(time=slice(0, t)), samples=3)
        assert np.allclose(part.rates, whole.rates[:, :t], rtol=1e-4, equal_nan=True)
        assert np.allclose(part.rate_samples, whole.rate_samples[:, :, :t], rtol=1e-4)  # type: ignore[index, arg-type]
        assert np.allclose(part.latents["z"], whole.latents["z"][:, :t], atol=1e-5, equal_nan=True)


# --- with the latents of another trial --------------------------------------------------------

WAVES = make_small_trials(n_trials=12, n_time=8, n_neurons=5).hold_out(1, seed=0)


def partners(exchanged: np.ndarray, own: np.ndarray) -> list[int]:
    """For each trial the one whose rates it was given."""
    close = np.isclose(exchanged[:, None], own[None], rtol=1e-4).all((2, 3))
    assert (close.sum(1) == 1).all()
    return close.argmax(1).tolist()


@pytest.mark.parametrize(
    "settings",
    [{}, {"posterior": "controlled", "encoder__bidirectional": True}, {"dynamics__order": 1}],
)
@pytest.mark.parametrize("average", ["rates", "log-rates"])
def test_without_h_a_trial_has_the_rates_of_its_partner(
    settings: dict[str, Any], average: Any
) -> None:
    """The noise is that of the prediction with the same seed; nobody is one's own partner, and each
    is one's once."""
    variant = Variant(average=average)
    model = small(decoder__inputs=("z", "v"), epochs=4, variant=variant, **settings).fit(WAVES)
    exchanged = model.predict_exchanged(WAVES, seed=3)
    assert exchanged is not None
    given = partners(exchanged.rates, model.predict(WAVES, seed=3).rates)
    assert sorted(given) == list(range(12))
    assert all(k != partner for k, partner in enumerate(given))


def test_a_decoder_that_sees_h_alone_loses_nothing_by_the_exchange() -> None:
    model = small(decoder__inputs=("h",)).fit(WAVES)
    exchanged = model.predict_exchanged(WAVES)
    assert exchanged is not None
    assert np.allclose(exchanged.rates, model.predict(WAVES).rates, rtol=1e-5)


def test_the_seed_decides_who_is_exchanged_with_whom() -> None:
    first, again, other = (fitted().predict_exchanged(GAPS, seed=seed) for seed in (1, 1, 2))
    assert first is not None
    assert again is not None
    assert other is not None
    assert np.array_equal(first.rates, again.rates, equal_nan=True)
    assert not np.array_equal(first.rates, other.rates, equal_nan=True)
    assert not np.allclose(
        first.rates, fitted().predict(GAPS, seed=1).rates, rtol=1e-6, equal_nan=True
    )
    assert np.array_equal(np.isfinite(first.rates).all(-1), GAPS.valid)


def test_nothing_is_exchanged_without_latents_or_another_trial() -> None:
    assert small(dynamics=None, epochs=1).fit(GAPS).predict_exchanged(GAPS) is None
    assert fitted().predict_exchanged(GAPS[:1]) is None
    with pytest.raises(ModelError, match="another order"):
        fitted().predict_exchanged(GAPS.select(neurons=[1, 0, 2, 3, 4, 5]))


def test_log_rates_are_averaged_where_asked_for() -> None:
    model = small(variant=Variant(average="log-rates")).fit(GAPS)
    prediction = model.predict(GAPS, samples=5)
    assert prediction.rate_samples is not None
    geometric = np.exp(np.log(prediction.rate_samples).mean(0))
    assert np.allclose(prediction.rates, geometric, rtol=1e-5, equal_nan=True)


def test_latents_average_to_their_means_over_an_antithetic_pair() -> None:
    model = fitted()
    pair, many = model.predict(GAPS, samples=2), model.predict(GAPS, samples=4, seed=3)
    for name in ("z", "v"):
        # the oscillators' path is linear in the noise: both halves of a pair cancel
        assert np.allclose(pair.latents[name], many.latents[name], atol=1e-5, equal_nan=True)
        first, second = pair.latent_samples[name]
        assert not np.allclose(first, second, atol=1e-3, equal_nan=True)
