"""LangevinFlow: it learns, predicts, leaks nothing, repeats itself, and every option works alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conftest import make_small_trials
from tests.models.small import UNUSED, small, trials_with_gaps
from undertow.data import TrialSet
from undertow.dynamics import DoubleWellPotential, HarmonicPotential, Potential
from undertow.errors import ModelError, StabilityError
from undertow.evaluation import co_smoothing_bps
from undertow.models import LangevinFlow
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)
GAPS = trials_with_gaps()


@pytest.fixture(scope="module")
def fitted() -> LangevinFlow:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return small().fit(GAPS)


def weights(model: LangevinFlow) -> dict[str, Tensor]:
    return dict(model.network_.state_dict())


def same_weights(a: LangevinFlow, b: LangevinFlow) -> bool:
    return all(torch.equal(v, weights(b)[k]) for k, v in weights(a).items())


# --- learning -----------------------------------------------------------------------------------------------------


def test_it_learns_more_than_mean_rates() -> None:
    """Bits per spike are those gained over each neuron's mean rate."""
    trials = make_small_trials(n_trials=60).hold_out(2, seed=0)
    train, test = trials[:45], trials[45:]
    training = Training(epochs=60, batch_size=16, learning_rate=1e-2, validate_every=5, average_decay=0.8)
    model = small(hidden_dim=16, decoder_width=16, dropout=0.1, training=training).fit(train)
    prediction = model.predict(test)
    heldout = trials.heldout
    untrained = small(hidden_dim=16, decoder_width=16, epochs=1).fit(train)
    scores = [
        co_smoothing_bps(p.counts[:, :, heldout], test.spikes[:, :, heldout])
        for p in (prediction, untrained.predict(test))
    ]
    assert scores[0] > 0.1
    assert scores[0] > scores[1] + 0.1
    assert model.validation_score_ == max(row["validation_score"] for row in model.history_)


def test_same_seed_same_numbers_other_seed_others(fitted: LangevinFlow) -> None:
    torch.rand(7)
    assert same_weights(fitted, small().fit(GAPS))
    assert not same_weights(fitted, small(seed=1).fit(GAPS))


def test_nothing_touches_the_global_generator() -> None:
    before = torch.get_rng_state()
    model = small().fit(GAPS)
    model.predict(GAPS)
    model.sample_prior(2, 3)
    assert torch.equal(torch.get_rng_state(), before)


def test_validation_trials_choose_and_nothing_else(fitted: LangevinFlow) -> None:
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
    assert np.array_equal(resumed.predict(GAPS).rates, unbroken.predict(GAPS).rates)


def test_unused_latents_are_said() -> None:
    with pytest.warns(UserWarning, match=r"of 16 initial latent coordinates carry less than 0\.01 nat per trial"):
        small(epochs=1).fit(GAPS)


# --- predicting ---------------------------------------------------------------------------------------------------


def test_prediction_has_its_shapes_and_units(fitted: LangevinFlow) -> None:
    prediction = fitted.predict(GAPS)
    assert prediction.rates.shape == GAPS.spikes.shape
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert (prediction.rates[GAPS.valid] > 0).all()
    # a start at the mean rates: spikes/s, not counts per bin, which are fifty times fewer
    assert prediction.rates[GAPS.valid].mean() == pytest.approx(np.nanmean(GAPS.mean_rates), rel=0.3)
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


def test_samples_are_kept_on_request_and_average_to_the_rates(fitted: LangevinFlow) -> None:
    prediction = fitted.predict(GAPS, samples=5, seed=3)
    assert prediction.rate_samples is not None
    assert prediction.rate_samples.shape == (5, *GAPS.spikes.shape)
    assert prediction.latent_samples["z"].shape == (5, 24, 10, 8)
    assert np.allclose(prediction.rate_samples.mean(0), prediction.rates, rtol=1e-5)
    assert not np.array_equal(prediction.latent_samples["z"][0], prediction.latent_samples["z"][1])
    again, other = fitted.predict(GAPS, samples=5, seed=3), fitted.predict(GAPS, samples=5, seed=4)
    assert np.array_equal(again.rates, prediction.rates)
    assert not np.array_equal(other.rates, prediction.rates)


def test_more_trials_than_fit_at_once_are_predicted_in_order(
    fitted: LangevinFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted.predict(GAPS)
    monkeypatch.setattr("undertow.models.prediction.TRIALS_AT_ONCE", 7)
    chunked = fitted.predict(GAPS)
    assert chunked.rates.shape == whole.rates.shape
    assert np.allclose(chunked.latents["h"], whole.latents["h"], atol=1e-6)


def test_intervals_need_and_take_200_samples(fitted: LangevinFlow) -> None:
    low, high = fitted.predict(GAPS[:2], samples=200).interval(0.9)
    assert low.shape == (2, 10, 6)
    assert (low <= high).all()
    with pytest.raises(ValueError, match="200 samples or more, here are 5"):
        fitted.predict(GAPS[:2], samples=5).interval()


@pytest.mark.parametrize("garbage", [0.0, 7.0, np.nan])
@pytest.mark.parametrize("where", ["heldout", "forward", "both"])
def test_held_out_and_forward_spikes_change_no_prediction(fitted: LangevinFlow, where: str, garbage: float) -> None:
    spikes = np.array(GAPS.spikes)
    if where in ("heldout", "both"):
        spikes[:, :, GAPS.heldout] = garbage
    if where in ("forward", "both"):
        spikes[:, -GAPS.forward_bins :] = garbage
    a, b = fitted.predict(GAPS), fitted.predict(GAPS.replace(spikes=spikes))
    assert np.array_equal(a.rates, b.rates)
    assert all(np.array_equal(a.latents[k], b.latents[k]) for k in a.latents)


@pytest.mark.parametrize("settings", [{}, {"bidirectional": True}, {"posterior": "controlled"}, {"latents": False}])
def test_what_lies_past_a_trials_end_changes_nothing(settings: dict[str, Any]) -> None:
    trials = trials_with_gaps(forward_bins=0)
    model = small(**settings).fit(trials)
    padded = np.pad(trials.spikes, ((0, 0), (0, 3), (0, 0)), constant_values=9.0)
    longer = TrialSet(
        padded, 0.02, lengths=trials.lengths, heldout=trials.heldout, neuron_ids=trials.neuron_ids
    )
    a, b = model.predict(trials), model.predict(longer)
    inside = trials.valid
    assert np.allclose(a.rates[inside], b.rates[:, :10][inside], rtol=1e-4)
    for name, term in a.terms.items():
        assert np.allclose(term, b.terms[name], rtol=1e-4, atol=1e-5)


def test_held_out_neurons_and_forward_bins_are_learned(fitted: LangevinFlow) -> None:
    """Their starting rates move from where they began: there is likelihood on both."""
    spikes = np.array(GAPS.spikes)
    spikes[:, -GAPS.forward_bins :] *= 8
    spikes[:, :, 1] *= 3
    other = small(training=Training(epochs=2, batch_size=16, learning_rate=1e-2)).fit(GAPS.replace(spikes=spikes))
    assert not same_weights(fitted, other)


def test_forward_prediction_learns_what_comes_after_the_window() -> None:
    """Neurons that fire four times as much in the forward bins are predicted to."""
    rng = np.random.default_rng(0)
    rates = np.where(np.arange(12)[:, None] < 9, 0.5, 2.0)
    trials = TrialSet(rng.poisson(np.broadcast_to(rates, (30, 12, 5))), 0.02, forward_bins=3)
    model = small(epochs=60, dropout=0.0).fit(trials)
    counts = model.predict(trials).counts
    assert counts[:, 9:].mean() > 2 * counts[:, :9].mean()


@pytest.mark.parametrize("posterior", ["autonomous", "controlled"])
@pytest.mark.parametrize("decoder", ["transformer", "mlp", "linear"])
def test_a_causal_model_gives_bin_by_bin_what_it_gives_on_the_truncated_trials(posterior: str, decoder: str) -> None:
    trials = make_small_trials(n_trials=12, n_time=8, n_neurons=5).hold_out(1, seed=0)
    model = small(causal=True, initial="first", posterior=posterior, decoder=decoder, epochs=3).fit(trials)
    whole = model.predict(trials, samples=3)
    for t in range(1, 9):
        part = model.predict(trials.select(time=slice(0, t)), samples=3)
        assert np.allclose(part.rates, whole.rates[:, :t], rtol=1e-4)
        assert np.allclose(part.rate_samples, whole.rate_samples[:, :, :t], rtol=1e-4)  # type: ignore[index, arg-type]
        assert np.allclose(part.latents["z"], whole.latents["z"][:, :t], atol=1e-5)


# --- without data -------------------------------------------------------------------------------------------------


def test_prior_paths_come_without_data(fitted: LangevinFlow) -> None:
    paths = fitted.sample_prior(5, 30, seed=1)
    assert {k: v.shape for k, v in paths.items()} == {"z": (5, 30, 8), "v": (5, 30, 8)}
    assert np.isfinite(paths["z"]).all()
    assert np.array_equal(fitted.sample_prior(5, 30, seed=1)["z"], paths["z"])
    assert not np.array_equal(fitted.sample_prior(5, 30, seed=2)["z"], paths["z"])
    with pytest.raises(ModelError, match=r"no latents \(latents=False\)"):
        small(latents=False).fit(GAPS).sample_prior(2, 3)


def test_trials_come_without_data_only_from_latents_alone(fitted: LangevinFlow) -> None:
    with pytest.raises(ModelError, match="rates cannot be made without data: the decoder sees .* h"):
        fitted.sample(3, 10)
    model = small(decoder_inputs=("z", "v")).fit(GAPS)
    made = model.sample(3, 12, seed=1)
    assert made.spikes.shape == (3, 12, 6)
    assert made.truth is not None
    assert (made.truth > 0).all()
    assert (made.neuron_ids == GAPS.neuron_ids).all()
    assert np.array_equal(model.sample(3, 12, seed=1).spikes, made.spikes)


# --- every option alone -------------------------------------------------------------------------------------------

OPTIONS: dict[str, dict[str, Any]] = {
    "controlled": {"posterior": "controlled"},
    "standard normal": {"path_prior": "standard-normal"},
    "controlled, standard normal": {"posterior": "controlled", "path_prior": "standard-normal"},
    "initial first": {"initial": "first"},
    "initial window": {"initial": 0.1},
    "initial all": {"initial": "all"},
    "bidirectional": {"bidirectional": True},
    "bidirectional from the first bin": {"bidirectional": True, "initial": "first"},
    "mlp": {"decoder": "mlp"},
    "linear": {"decoder": "linear"},
    "z": {"decoder_inputs": ("z",)},
    "v": {"decoder_inputs": ("v",)},
    "h": {"decoder_inputs": ("h",)},
    "z and h": {"decoder_inputs": ("z", "h")},
    "no latents": {"latents": False},
    "nothing learned": {"learn": ()},
    "everything learned": {"learn": ("mass", "gamma", "temperature", "timescale")},
    "mass": {"mass": 2.0},
    "gamma": {"gamma": 0.1},
    "temperature": {"temperature": 0.3},
    "slow": {"timescale_s": 0.1},
    "fast, in substeps": {"timescale_s": 0.006},
    "two groups": {"groups": 2},
    "three taps": {"taps": 3},
    "double well": {"potential": DoubleWellPotential},
    "harmonic": {"potential": lambda dim: HarmonicPotential(dim, 0.5)},
    "causal": {"causal": True, "initial": "first"},
    "no dropout": {"dropout": 0.0, "coordinated_dropout": 0.0},
    "no KL": {"kl_weight": 0.0},
    "no warm-up": {"kl_warmup": 0.0, "kl_weight": 1.0},
    "one head": {"heads": 1},
    "one sample": {"samples": 1},
    "likelihood": {"training": Training(epochs=2, validate_every=1, monitor="likelihood")},
    "patience": {"training": Training(epochs=4, validate_every=1, patience=1)},
}


@pytest.mark.parametrize("settings", OPTIONS.values(), ids=OPTIONS.keys())
def test_every_option_works_alone(settings: dict[str, Any], fitted: LangevinFlow) -> None:
    model = small(**settings).fit(GAPS)
    prediction = model.predict(GAPS)
    assert np.isfinite(prediction.rates).all()
    assert all(np.isfinite(term).all() for term in prediction.terms.values())
    assert np.isfinite(model.validation_score_)
    unchanged = settings == {"initial": fitted.initial} or "samples" in settings
    same = weights(model).keys() == weights(fitted).keys() and all(
        v.shape == weights(fitted)[k].shape and torch.equal(v, weights(fitted)[k]) for k, v in weights(model).items()
    )
    assert same == unchanged, "an option that changes nothing is ignored"


def test_without_heldout_neurons_a_hidden_share_is_validated_on() -> None:
    model = small().fit(make_small_trials(20, 8, 5))
    assert np.isfinite(model.validation_score_)


def test_a_potential_of_ones_own_in_a_few_lines() -> None:
    class Quartic(Potential):
        def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
            return 0.1 * z.pow(4).sum(-1)

    model = small(potential=Quartic, latent_dim=6).fit(GAPS)
    assert np.isfinite(model.predict(GAPS).rates).all()
    assert model.predict(GAPS).groups == {}


def test_learned_constants_move_and_others_stay() -> None:
    model = small(learn=("gamma", "timescale"), epochs=4).fit(GAPS)
    dynamics = model.network_.dynamics
    assert dynamics is not None
    moved = {k for k, p in dynamics.named_parameters() if not torch.equal(p, start(model)[k])}
    assert moved == {"log_gamma", "log_timescale", "potential.factor"}


def start(model: LangevinFlow) -> dict[str, Tensor]:
    from undertow.models.langevin_building import build_dynamics

    return dict(build_dynamics(model).named_parameters())


# --- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"posterior": "smart"}, "posterior is 'smart': it must be one of 'autonomous', 'controlled'"),
        ({"path_prior": "flat"}, "path_prior is 'flat'"),
        ({"decoder": "rnn"}, "decoder is 'rnn'"),
        ({"potential": "flat"}, "potential is 'flat'"),
        ({"initial": "last"}, "initial is 'last'"),
        ({"initial": 0.0}, "initial is 0.0: a window must be longer than 0 seconds"),
        ({"initial": -1.0}, "initial is -1.0"),
        ({"decoder_inputs": ()}, "decoder_inputs is empty"),
        ({"decoder_inputs": ("z", "x")}, "decoder_inputs is 'x'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"coordinated_dropout": -0.1}, "coordinated_dropout is -0.1"),
        ({"coordinated_dropout": float("nan")}, "coordinated_dropout is nan"),
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"latent_dim": 8.5}, "latent_dim is 8.5: it must be a whole number"),
        ({"hidden_dim": 0}, "hidden_dim is 0"),
        ({"decoder_width": 0}, "decoder_width is 0"),
        ({"decoder_width": 9}, "decoder width 9 is not a multiple of 2 heads"),
        ({"heads": 0}, "heads is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"latent_dim": 10}, "10 positions do not divide into 4 oscillator groups"),
        ({"groups": 0}, "0 oscillator groups"),
        ({"taps": 4}, "taps is 4"),
        ({"mass": 0.0}, "mass is 0.0"),
        ({"gamma": -1.0}, "gamma is -1.0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"timescale_s": 0.0}, "timescale is 0.0"),
        ({"learn": ("friction",)}, "cannot learn 'friction'"),
        ({"kl_weight": -1.0}, "kl_weight is -1.0"),
        ({"kl_warmup": 1.5}, "kl_warmup 1.5"),
        ({"causal": True, "initial": "all"}, "causal=True needs bidirectional=False and initial='first'"),
        ({"causal": True, "initial": "first", "bidirectional": True}, "causal=True needs"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        ({"potential": HarmonicPotential(3)}, "the potential has 3 positions, the dynamics 8"),
        ({"training": {"epochs": 3}}, "training is .*: it must be a Training"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_fitted(settings: dict[str, Any], message: str) -> None:
    model = small(**settings)
    with pytest.raises(ModelError, match=message):
        model.fit(GAPS)
    with pytest.raises(ModelError, match="not fitted"):
        model.predict(GAPS)


def test_an_unstable_step_is_refused_with_the_way_out() -> None:
    with pytest.raises(StabilityError, match=r"h²k/m lies in .* longer timescale_s, a larger mass"):
        small(mass=0.1).fit(GAPS)


def test_co_smoothing_without_heldout_neurons_is_refused() -> None:
    model = small(training=Training(epochs=1, monitor="co-bps"))
    with pytest.raises(ModelError, match="'co-bps' but no neuron is held out"):
        model.fit(make_small_trials(20, 8, 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.select(neurons=[0, 1, 2, 3]), r"4 neurons, the model was fitted on 6: missing \['unit4', 'unit5'\]"),
        (lambda t: t.select(neurons=[1, 0, 2, 3, 4, 5]), "the same ids in another order"),
        (lambda t: t.replace(neuron_ids=list("abcdef")), r"unknown \['a', 'b', 'c', 'd', 'e'\]"),
        (lambda t: t.hold_out(3, seed=1), "are held out in only one of model and trials"),
        (lambda t: t.replace(bin_s=0.01), r"bins of 0\.01 s, the model of 0\.02 s: rebin"),
    ],
)
def test_other_trials_are_refused_by_name(fitted: LangevinFlow, change: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fitted.predict(change(GAPS))


@pytest.mark.parametrize("samples", [0, -1])
def test_fewer_than_one_sample_is_refused(fitted: LangevinFlow, samples: int) -> None:
    with pytest.raises(ModelError, match=f"samples is {samples}: it must be at least 1"):
        fitted.predict(GAPS, samples=samples)


def test_validation_trials_of_other_neurons_or_bins_are_refused() -> None:
    with pytest.raises(ModelError, match="another order"):
        small().fit(GAPS[:18], validation=GAPS[18:].select(neurons=[1, 0, 2, 3, 4, 5]))
    with pytest.raises(ModelError, match=r"bins of 0\.01 s"):
        small().fit(GAPS[:18], validation=GAPS[18:].replace(bin_s=0.01))
