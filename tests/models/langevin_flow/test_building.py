"""Every option of LangevinFlow works alone and changes what is fitted."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.conftest import make_small_trials
from tests.models.small import GAPS, UNUSED, fitted, small, weights
from undertow.data.batches import Batch
from undertow.dynamics import DoubleWellPotential, HarmonicPotential, Potential
from undertow.encoders import Dropout
from undertow.models import LangevinFlow
from undertow.models.langevin_flow.building import dropout_for
from undertow.models.langevin_flow.options import LangevinPosterior
from undertow.randomness import representable_share
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
    "bidirectional": {"encoder__bidirectional": True},
    "bidirectional from the first bin": {
        "encoder__bidirectional": True,
        "posterior__initial_s": "first",
    },
    "read-in": {"encoder__read_in": 4},
    "mlp": {"decoder": "mlp"},
    "linear": {"decoder": "linear"},
    "z": {"decoder__inputs": ("z",)},
    "v": {"decoder__inputs": ("v",)},
    "h": {"decoder__inputs": ("h",)},
    "z and h": {"decoder__inputs": ("z", "h")},
    "no latents": {"dynamics": None},
    "nothing learned": {"dynamics__learn": ()},
    "everything learned": {"dynamics__learn": ("mass", "gamma", "temperature", "timescale")},
    "mass": {"dynamics__mass": 2.0},
    "gamma": {"dynamics__gamma": 0.1},
    "temperature": {"dynamics__temperature": 0.3},
    "slow": {"dynamics__timescale_s": 0.1},
    "fast, in substeps": {"dynamics__timescale_s": 0.006},
    "two groups": {"dynamics__groups": 2},
    "three taps": {"dynamics__taps": 3},
    "double well": {"dynamics__potential": DoubleWellPotential},
    "mlp potential": {"dynamics__potential": "mlp"},
    "double well by name": {"dynamics__potential": "double-well"},
    "input-driven": {"dynamics__potential": "input-driven"},
    "a context's": {"dynamics__potential": "context"},
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
    "wider": {"decoder__width": 12},
    "of another width": {"latent_dim": 12},
    "a smaller encoder": {"encoder__hidden_dim": 4},
    "h withheld": {"decoder__withhold_h": 0.4},
    "latents and h apart": {"decoder__read": "apart"},
    "another share in each trial": {"coordinated_dropout": (0.2, 0.7)},
    "pooled": {"pool": "regression"},
    "constant KL": {"kl__shape": "constant"},
    "cyclic KL": {"kl__shape": "cyclic", "kl__cycles": 2},
    "negative binomial": {"observation": "negative-binomial"},
    "softplus": {"observation__link": "softplus"},
    "a floor of the rates": {"observation__rate_floor_hz": 5.0},
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
    default = {"posterior__initial_s": fitted().posterior.initial_s}
    unchanged = settings == default or "samples" in settings
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
    moved = {
        k for k, p in model.dynamics_.named_parameters() if not torch.equal(p, start(model)[k])
    }
    assert moved == {"log_gamma", "log_timescale", "potential.factor"}


def start(model: LangevinFlow) -> dict[str, Tensor]:
    return dict(model.dynamics.build(model.latent_dim, 4, GAPS.bin_s).named_parameters())


@pytest.mark.parametrize(
    ("initial", "bins"),
    [("first", 1), ("all", None), (0.02, 1), (0.1, 5), (0.109, 5), (0.001, 1), (9.0, 450)],
)
def test_the_initial_window_is_whole_bins(initial: str | float, bins: int | None) -> None:
    assert LangevinPosterior(initial_s=initial).initial_bins(0.02) == bins


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
    given = [model.objective(batch, generator, progress) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert [weight for weight, _ in given] == pytest.approx(expected)
    assert {share for _, share in given} == {0.3}


@pytest.mark.parametrize(
    ("potential", "order", "groups"), [("input-driven", 2, {"z": 4, "v": 4}), ("mlp", 2, {})]
)
def test_only_oscillators_have_groups(potential: str, order: int, groups: dict[str, int]) -> None:
    model = small(dynamics__potential=potential, dynamics__order=order, epochs=1).fit(GAPS)
    assert model.predict(GAPS).groups == groups


def test_the_first_order_has_positions_alone() -> None:
    model = small(dynamics__order=1, epochs=1).fit(GAPS)
    prediction = model.predict(GAPS)
    assert set(prediction.latents) == {"z", "h"}
    assert prediction.groups == {"z": 4}
    assert model.network_.decoder_inputs == ("z", "h")
    assert set(model.sample_prior(2, 5)) == {"z"}


def test_dropout_falls_with_the_number_of_training_spikes() -> None:
    found = [dropout_for(n) for n in (0, 100, 1000, 4000, 400_000)]
    assert found == pytest.approx([0.2, 0.2, 0.2, 0.1, 0.01])
    model = small(dropout=None).fit(GAPS)
    shares = {m.share for m in model.network_.modules() if isinstance(m, Dropout)}
    assert shares - {0.0} == {representable_share(0.2)}
    each = np.nansum(GAPS.spikes, (0, 1))[~GAPS.heldout]
    assert 0 < model.trained_spikes < each.mean()  # validation trials are not among them
