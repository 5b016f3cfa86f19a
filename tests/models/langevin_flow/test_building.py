"""Every option of LangevinFlow works alone, and wrong ones are refused by name."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from undertow.models.langevin_flow.variant import Variant

from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small, weights
from undertow.data.batches import Batch
from undertow.dynamics import DoubleWellPotential, HarmonicPotential, Potential
from undertow.errors import ModelError, StabilityError
from undertow.models import LangevinFlow
from undertow.models.langevin_flow.building import build_dynamics, initial_bins
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)

OPTIONS: dict[str, dict[str, Any]] = {
    "controlled": {"posterior": "controlled"},
    "standard normal": {"posterior__path_prior": "standard-normal"},
    "controlled, standard normal": {
        "posterior": "controlled",
        "posterior__path_prior": "standard-normal",
    },
    "initial first": {"posterior__initial_s": "first"},
    "initial window": {"posterior__initial_s": 0.1},
    "initial all": {"posterior__initial_s": "all"},
    "encoder__bidirectional": {"encoder__bidirectional": True},
    "bidirectional from the first bin": {
        "encoder__bidirectional": True,
        "posterior__initial_s": "first",
    },
    "mlp": {"decoder": "mlp"},
    "linear": {"decoder": "linear"},
    "z": {"decoder__inputs": ("z",)},
    "v": {"decoder__inputs": ("v",)},
    "h": {"decoder__inputs": ("h",)},
    "z and h": {"decoder__inputs": ("z", "h")},
    "no latents": {"dynamics": None},
    "nothing learned": {"dynamics__learn": ()},
    "everything learned": {"dynamics__learn": ("mass", "gamma", "temperature", "timescale")},
    "dynamics__mass": {"dynamics__mass": 2.0},
    "dynamics__gamma": {"dynamics__gamma": 0.1},
    "dynamics__temperature": {"dynamics__temperature": 0.3},
    "slow": {"dynamics__timescale_s": 0.1},
    "fast, in substeps": {"dynamics__timescale_s": 0.006},
    "two groups": {"dynamics__groups": 2},
    "three taps": {"dynamics__taps": 3},
    "double well": {"dynamics__potential": DoubleWellPotential},
    "mlp potential": {"dynamics__potential": "mlp"},
    "double well by name": {"dynamics__potential": "double-well"},
    "input-driven": {"dynamics__potential": "input-driven"},
    "free oscillators": {
        "dynamics__potential": "free-oscillators",
        "dynamics__allow_unstable": True,
    },
    "mixed oscillators": {
        "dynamics__potential": "mixed-oscillators",
        "dynamics__taps": 3,
        "dynamics__allow_unstable": True,
    },
    "first order": {"dynamics__order": 1},
    "first order without noise": {
        "dynamics__order": 1,
        "dynamics__temperature": 0.0,
        "dynamics__learn": ("timescale",),
    },
    "first order, controlled": {"dynamics__order": 1, "posterior": "controlled"},
    "linear encoder": {"encoder": "linear"},
    "linear encoder, linear decoder": {"encoder": "linear", "decoder": "linear"},
    "the released divergence": {"posterior__path_prior": "released"},
    "a bin as timescale": {"dynamics__timescale_s": "bin", "dynamics__gamma": 0.8},
    "unstable allowed": {"dynamics__allow_unstable": True, "dynamics__mass": 0.9},
    "harmonic": {"dynamics__potential": lambda dim: HarmonicPotential(dim, 0.5)},
    "causal": {"causal": True, "posterior__initial_s": "first"},
    "no dropout": {"dropout": 0.0, "coordinated_dropout": 0.0},
    "no KL": {"kl__peak": 0.0},
    "no warm-up": {"kl__rise": 0.0, "kl__peak": 1.0},
    "one head": {"decoder__heads": 1},
    "one sample": {"samples": 1},
    "likelihood": {"training": Training(epochs=2, validate_every=1, monitor="likelihood")},
    "patience": {"training": Training(epochs=4, validate_every=1, patience=1)},
}


@pytest.mark.parametrize("settings", OPTIONS.values(), ids=OPTIONS.keys())
def test_every_option_works_alone(settings: dict[str, Any]) -> None:
    model = small(**settings).fit(GAPS)
    prediction = model.predict(GAPS)
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert all(np.isfinite(term).all() for term in prediction.terms.values())
    assert np.isfinite(model.validation_score_)
    unchanged = settings == {"posterior__initial_s": fitted().initial} or "samples" in settings
    same = weights(model).keys() == weights(fitted()).keys() and all(
        v.shape == weights(fitted())[k].shape and torch.equal(v, weights(fitted())[k])
        for k, v in weights(model).items()
    )
    assert same == unchanged, "an option that changes nothing is ignored"


def test_without_heldout_neurons_a_hidden_share_is_validated_on() -> None:
    model = small().fit(make_small_trials(20, 8, 5))
    assert np.isfinite(model.validation_score_)


def test_a_potential_of_ones_own_in_a_few_lines() -> None:
    class Gentle(Potential):
        def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
            return z.cosh().log().sum(-1)

    model = small(dynamics__potential=Gentle, latent_dim=6).fit(GAPS)
    assert np.isfinite(model.predict(GAPS).rates[GAPS.valid]).all()
    assert model.predict(GAPS).groups == {}


def test_learned_constants_move_and_others_stay() -> None:
    model = small(dynamics__learn=("gamma", "timescale"), epochs=4).fit(GAPS)
    dynamics = model.network_.dynamics
    assert dynamics is not None
    moved = {k for k, p in dynamics.named_parameters() if not torch.equal(p, start(model)[k])}
    assert moved == {"log_gamma", "log_timescale", "potential.factor"}


def start(model: LangevinFlow) -> dict[str, Tensor]:
    return dict(build_dynamics(model, n_heldin=4, bin_s=GAPS.bin_s).named_parameters())


@pytest.mark.parametrize(
    ("initial", "bins"),
    [("first", 1), ("all", None), (0.02, 1), (0.1, 5), (0.109, 5), (0.001, 1), (9.0, 450)],
)
def test_the_initial_window_is_whole_bins(initial: str | float, bins: int | None) -> None:
    assert initial_bins(initial, 0.02) == bins


@pytest.mark.parametrize(
    ("warmup", "expected"),
    [(0.5, [0.0, 0.2, 0.4, 0.4]), (0.0, [0.4] * 4), (1.0, [0.0, 0.1, 0.2, 0.4])],
)
def test_the_divergences_weight_rises_over_the_warm_up(
    warmup: float, expected: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small(kl__peak=0.4, kl__rise=warmup, coordinated_dropout=0.3, epochs=1).fit(GAPS)
    monkeypatch.setattr(model.network_, "loss", lambda *given: given[2:])
    batch, generator = Batch.from_trials(GAPS), torch.Generator()
    given = [model._objective(batch, generator, progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert [weight for weight, _ in given] == pytest.approx(expected)
    assert {share for _, share in given} == {0.3}


@pytest.mark.parametrize(
    ("potential", "order", "groups"), [("input-driven", 2, {"z": 4, "v": 4}), ("mlp", 2, {})]
)
def test_only_oscillators_have_groups(potential: str, order: int, groups: dict[str, int]) -> None:
    assert (
        small(dynamics__potential=potential, dynamics__order=order, epochs=1)
        .fit(GAPS)
        .predict(GAPS)
        .groups
        == groups
    )


def test_the_first_order_has_positions_alone() -> None:
    model = small(dynamics__order=1, epochs=1).fit(GAPS)
    prediction = model.predict(GAPS)
    assert set(prediction.latents) == {"z", "h"}
    assert prediction.groups == {"z": 4}
    assert model.network_.decoder_inputs == ("z", "h")
    assert set(model.sample_prior(2, 5)) == {"z"}


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"posterior": "smart"},
            "posterior is 'smart': it must be one of 'autonomous', 'controlled'",
        ),
        ({"posterior__path_prior": "flat"}, "path_prior is 'flat'"),
        ({"decoder": "rnn"}, "decoder is 'rnn'"),
        ({"dynamics__potential": "flat"}, "potential is 'flat'"),
        ({"posterior__initial_s": "last"}, "initial is 'last'"),
        ({"posterior__initial_s": 0.0}, "initial is 0.0: a window must be longer than 0 seconds"),
        ({"posterior__initial_s": -1.0}, "initial is -1.0"),
        ({"decoder__inputs": ()}, "decoder_inputs is empty"),
        ({"decoder__inputs": ("z", "x")}, "decoder_inputs is 'x'"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"coordinated_dropout": -0.1}, "coordinated_dropout is -0.1"),
        ({"coordinated_dropout": float("nan")}, "coordinated_dropout is nan"),
        ({"latent_dim": 0}, "latent_dim is 0"),
        ({"latent_dim": 8.5}, "latent_dim is 8.5: it must be a whole number"),
        ({"encoder__hidden_dim": 0}, "hidden_dim is 0"),
        ({"decoder__width": 0}, "decoder_width is 0"),
        ({"decoder__width": 9}, "decoder width 9 is not a multiple of 2 heads"),
        ({"decoder__heads": 0}, "heads is 0"),
        ({"samples": 0}, "samples is 0"),
        ({"latent_dim": 10}, "10 positions do not divide into 4 oscillator groups"),
        ({"dynamics__groups": 0}, "0 oscillator groups"),
        ({"dynamics__taps": 4}, "taps is 4"),
        ({"dynamics__mass": 0.0}, "mass is 0.0"),
        ({"dynamics__gamma": -1.0}, "gamma is -1.0"),
        ({"dynamics__temperature": 0.0}, "temperature is 0.0"),
        ({"dynamics__timescale_s": 0.0}, "timescale is 0.0"),
        ({"dynamics__learn": ("friction",)}, "cannot learn 'friction'"),
        ({"kl__peak": -1.0}, "kl_weight is -1.0"),
        ({"kl__rise": 1.5}, "kl_warmup 1.5"),
        (
            {"causal": True, "posterior__initial_s": "all"},
            "causal=True needs bidirectional=False and initial='first'",
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
        ({"training": {"epochs": 3}}, "training is .*: it must be a Training"),
        ({"encoder": "lstm"}, "encoder is 'lstm': it must be one of 'gru', 'linear'"),
        (
            {"encoder": "linear", "encoder__bidirectional": True},
            "encoder='linear' has no direction",
        ),
        ({"dynamics__order": 3}, "order is 3: Langevin dynamics are of first"),
        (
            {"dynamics__order": 1, "posterior__path_prior": "standard-normal"},
            "order=1 has no velocity: leave .* path_prior 'dynamics'",
        ),
        (
            {"dynamics__order": 1, "variant": Variant(scheme="euler")},
            "order=1 has no velocity: leave variant.scheme",
        ),
        (
            {"dynamics__order": 1, "decoder__inputs": ("v",)},
            "order=1 has no velocity: decoder_inputs needs 'z' or 'h'",
        ),
        ({"dynamics__timescale_s": "trial"}, "timescale_s is 'trial': it must be one of 'bin'"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_fitted(
    settings: dict[str, Any], message: str
) -> None:
    model = small(**settings)
    with pytest.raises(ModelError, match=message):
        model.fit(GAPS)
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
    with pytest.raises(ModelError, match=f"samples is {samples}: it must be at least 1"):
        fitted().predict(GAPS, samples=samples)


def test_validation_trials_of_other_neurons_or_bins_are_refused() -> None:
    with pytest.raises(ModelError, match="another order"):
        small().fit(GAPS[:18], validation=GAPS[18:].select(neurons=[1, 0, 2, 3, 4, 5]))
    with pytest.raises(ModelError, match=r"bins of 0\.01 s"):
        small().fit(GAPS[:18], validation=GAPS[18:].replace(bin_s=0.01))
