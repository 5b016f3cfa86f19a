"""What LangevinFlow refuses: settings that break a rule, steps that can diverge, other trials."""

from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small
from undertow.dynamics import HarmonicPotential
from undertow.errors import ModelError, StabilityError
from undertow.models import LSTMEncoding, MLPDecoding
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"posterior": "smart"},
            "posterior is 'smart': choose one of autonomous, controlled",
        ),
        ({"posterior__path_prior": "flat"}, "posterior.path_prior is 'flat': .*'standard-normal'"),
        ({"decoder": "rnn"}, "decoder is 'rnn': choose one of linear, mlp, transformer"),
        ({"dynamics__potential": "flat"}, "dynamics.potential is 'flat': .*'double-well'"),
        ({"posterior__initial_s": "last"}, "posterior.initial_s is 'last': .*'first', 'all'"),
        ({"posterior__initial_s": 0.0}, "posterior.initial_s is 0.0: .* seconds, above 0"),
        ({"posterior__initial_s": -1.0}, "posterior.initial_s is -1.0: .* above 0"),
        ({"decoder__inputs": ()}, "decoder.inputs is empty"),
        ({"decoder__inputs": ("z", "x")}, "decoder.inputs is 'x': it must be one of 'z', 'v', 'h'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"coordinated_dropout": -0.1}, "coordinated_dropout is -0.1"),
        ({"coordinated_dropout": float("nan")}, "coordinated_dropout is nan"),
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"latent_dim": 8.5}, "latent_dim is 8.5: it must be a whole number"),
        ({"encoder__hidden_dim": 0}, "encoder.hidden_dim is 0"),
        ({"decoder__width": 0}, "decoder.width is 0"),
        ({"decoder__width": 9}, "decoder width 9 is not a multiple of 2 heads"),
        ({"decoder__heads": 0}, "decoder.heads is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"latent_dim": 10}, "10 positions do not divide into 4 oscillator groups"),
        ({"dynamics__groups": 0}, "dynamics.groups is 0"),
        ({"dynamics__taps": 4}, "taps is 4"),
        ({"dynamics__mass": 0.0}, "mass is 0.0"),
        ({"dynamics__gamma": -1.0}, "gamma is -1.0"),
        ({"dynamics__temperature": 0.0}, "temperature is 0.0"),
        ({"dynamics__timescale_s": 0.0}, "dynamics.timescale_s is 0.0"),
        ({"dynamics__learn": ("friction",)}, "learn is 'friction': it must be one of"),
        ({"kl__peak": -1.0}, "kl.peak is -1.0"),
        ({"kl__rise": 1.5}, "kl.rise is 1.5: it must be a number, from 0 to 1"),
        (
            {"causal": True, "posterior__initial_s": "all"},
            "causal=True needs encoder.bidirectional=False and posterior.initial_s='first'",
        ),
        (
            {"causal": True, "posterior__initial_s": "first", "encoder__bidirectional": True},
            "causal=True needs",
        ),
        ({"device": "abacus"}, "device 'abacus' cannot be used here"),
        (
            {"dynamics__potential": HarmonicPotential(3)},
            "the potential has 3 positions, the dynamics 8",
        ),
        ({"decoder__withhold_h": 1.0}, "decoder.withhold_h is 1.0"),
        ({"kl__cycles": 0}, "kl.cycles is 0"),
        ({"kl": 0.05}, "kl is 0.05: it must be KLSchedule"),
        ({"observation": "gaussian"}, "observation is 'gaussian': .*negative-binomial, poisson"),
        ({"observation__link": "relu"}, "observation.link is 'relu'"),
        ({"observation__rate_floor_hz": -1.0}, "observation.rate_floor_hz is -1.0"),
        ({"dynamics": "oscillators"}, "dynamics is 'oscillators': choose one of langevin"),
        ({"encoder": None}, "encoder is None: it must be GRUEncoding.* or LinearEncoding"),
        ({"encoder": LSTMEncoding()}, "encoder is LSTMEncoding.*: it must be GRUEncoding"),
        ({"decoder": MLPDecoding}, "decoder is .*: it must be .*MLPDecoding"),
        ({"training": {"epochs": 3}}, "training is .*: it must be Training"),
        ({"encoder": "lstm"}, "encoder is 'lstm': choose one of gru, linear"),
        (
            {"encoder": "linear", "encoder__bidirectional": True},
            "encoder has no parameter 'bidirectional': choose one of hidden_dim",
        ),
        ({"dynamics__order": 3}, "dynamics.order is 3: it must be one of 1, 2"),
        (
            {"dynamics__order": 1, "posterior__path_prior": "standard-normal"},
            "order=1 has no velocity: leave posterior.path_prior 'dynamics'",
        ),
        (
            {"dynamics__order": 1, "dynamics__scheme": "euler"},
            "order=1 has no velocity: leave dynamics.scheme 'splitting'",
        ),
        (
            {"dynamics__order": 1, "decoder__inputs": ("v",)},
            "order=1 has no velocity: decoder.inputs needs 'z' or 'h'",
        ),
        (
            {"dynamics__timescale_s": "trial"},
            "dynamics.timescale_s is 'trial': it must be one of 'bin'",
        ),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_fitted(
    settings: dict[str, Any], message: str
) -> None:
    model = small()
    with pytest.raises(ModelError, match=message):
        model.set_params(**settings).fit(GAPS)
    with pytest.raises(ModelError, match="not fitted"):
        model.predict(GAPS)


def test_an_unstable_step_is_refused_with_the_way_out() -> None:
    message = (
        r"can become unstable: its spectral radius is [\d.]+ per bin, .* 1000-fold in \d+ bins; "
        r"use a confining"
    )
    with pytest.raises(
        StabilityError,
        match=message + r" potential, a longer timescale_s, a larger mass, or pass allow",
    ):
        small(dynamics__mass=0.1).fit(GAPS)
    with pytest.raises(
        StabilityError, match=r"the first-order step can become unstable: its spectral radius"
    ):
        small(dynamics__order=1, dynamics__potential=lambda dim: HarmonicPotential(dim, 9.0)).fit(
            GAPS
        )


def test_an_unstable_step_runs_when_it_is_allowed() -> None:
    model = small(
        dynamics__potential="free-oscillators",
        dynamics__allow_unstable=True,
        latent_dim=16,
        epochs=1,
    ).fit(GAPS)
    assert np.isfinite(model.predict(GAPS).rates[GAPS.valid]).all()
    with pytest.raises(StabilityError):
        small(dynamics__potential="free-oscillators", latent_dim=16).fit(GAPS)


def test_co_smoothing_without_heldout_neurons_is_refused() -> None:
    model = small(training=Training(epochs=1, monitor="co-bps"))
    with pytest.raises(ModelError, match="'co-bps' but no neuron is held out"):
        model.fit(make_small_trials(20, 8, 5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.select(neurons=[0, 1, 2, 3]),
            r"4 neurons, the model was fitted on 6: missing \['unit4', 'unit5'\]",
        ),
        (lambda t: t.select(neurons=[1, 0, 2, 3, 4, 5]), "the same ids in another order"),
        (lambda t: t.replace(neuron_ids=list("abcdef")), r"unknown \['a', 'b', 'c', 'd', 'e'\]"),
        (lambda t: t.hold_out(3, seed=1), "are held out in only one of model and trials"),
        (lambda t: t.replace(bin_s=0.01), r"bins of 0\.01 s, the model of 0\.02 s: rebin"),
    ],
)
def test_other_trials_are_refused_by_name(change: Any, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        fitted().predict(change(GAPS))


@pytest.mark.parametrize("samples", [0, -1])
def test_fewer_than_one_sample_is_refused(samples: int) -> None:
    with pytest.raises(ModelError, match=f"samples is {samples}: .* at least 1"):
        fitted().predict(GAPS, samples=samples)


def test_validation_trials_of_other_neurons_or_bins_are_refused() -> None:
    with pytest.raises(ModelError, match="another order"):
        small().fit(GAPS[:18], validation=GAPS[18:].select(neurons=[1, 0, 2, 3, 4, 5]))
    with pytest.raises(ModelError, match=r"bins of 0\.01 s"):
        small().fit(GAPS[:18], validation=GAPS[18:].replace(bin_s=0.01))
