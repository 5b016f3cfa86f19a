"""A stream gives, bin by bin, what a prediction of a trial that ends there gives: every model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import undertow.dynamics
from tests.families import exported
from tests.models import small, small_lfads, small_ndt, small_sde
from tests.models.streaming.equality import (
    assert_equal_to_predictions,
    fitted,
    streamed_trials,
)
from undertow.baselines import LDS, PCA, FactorAnalysis, MeanRate, Smoothing, SpikeRidge
from undertow.data import TrialSet
from undertow.dynamics import Dynamics
from undertow.errors import ModelError
from undertow.models import Ensemble, Estimator

TRIALS = streamed_trials()
CAUSAL: dict[str, Any] = {
    "causal": True,
    "encoder__bidirectional": False,
    "posterior__initial_s": "first",
}
OWN: dict[str, Any] = {**CAUSAL, "posterior": "controlled", "decoder__read": "apart"}
LANGEVIN: dict[str, dict[str, Any]] = {
    "default": {**OWN, "pool": "regression"},
    "without a pool": OWN,
    "no floor": {**OWN, "pool": "regression", "observation__rate_floor_hz": 0.0},
    "one decoder, pooled": {**CAUSAL, "pool": "regression"},
    "autonomous": CAUSAL,
    "latents alone": {**OWN, "decoder__inputs": ("z", "v"), "decoder": "mlp"},
    "velocities alone": {**OWN, "decoder__inputs": ("v",), "decoder__read": "together"},
    "linear": {**OWN, "decoder": "linear"},
    "post": {**OWN, "decoder__norm": "post", "decoder__feedforward": 5},
    "no latents": {**OWN, "dynamics": None},
    "first order": {**OWN, "dynamics__order": 1},
    "driven": {**OWN, "dynamics__potential": "input-driven"},
    "context": {**OWN, "dynamics__potential": "context"},
    "mlp potential": {**OWN, "dynamics__potential": "mlp"},
    "double well": {**OWN, "dynamics__potential": "double-well"},
    "euler": {**CAUSAL, "dynamics__scheme": "euler", "dynamics__hamiltonian_step": 0.01},
    "many steps": {**OWN, "dynamics__timescale_s": 0.008},
    "previous": {**OWN, "encoder__reads": "previous"},
    "held": {**OWN, "encoder__reads": "held"},
    "read-in": {**OWN, "encoder__reads": "previous", "encoder__read_in": 3},
    "linear encoder": {
        "causal": True, "encoder": "linear", "posterior__initial_s": "first",
        "encoder__read_in": 4,
    },
    "five samples": {**OWN, "samples": 5, "variant__average": "log-rates"},
    "softplus": {**OWN, "observation": "negative-binomial", "observation__link": "softplus"},
}  # fmt: skip
FORWARD: dict[str, Any] = {"encoder__context": "forward"}
LATENT_SDE: dict[str, dict[str, Any]] = {
    "default": {},
    "drift": {"posterior__kind": "drift"},
    "autonomous": {"posterior__kind": "autonomous"},
    "prior start": {"posterior__initial_s": 0},
    "full start": {"posterior__full_initial": True, "posterior__initial_variance": "softplus"},
    "half steps": {"solver__bins_per_step": 0.5},
    "previous": {"solver__bins_per_step": 0.5, "solver__interpolation": "previous"},
    "time": {"signals__time": True, "solver__bins_per_step": 0.5},
    "bins": {"encoder__missing": "bins"},
    "neurons": {"encoder__missing": "neurons", "encoder__neuron_dropout": 0.2},
    "read-in": {"encoder__read_in": 3, "encoder__missing": "neurons"},
    "behaviour": {"signals__encode_behavior": True},
    "no behaviour": {"signals__behavior": False},
    "negative binomial": {"observation": "negative-binomial", "observation__link": "softplus"},
    "readouts": {"posterior__uncertain_readouts": True},
}
BASELINES: dict[str, Estimator] = {
    "mean rate": MeanRate(),
    "smoothing": Smoothing(causal=True),
    "ridge": SpikeRidge(causal=True, lags=2),
    "pca": PCA(latent_dim=2, causal=True),
    "factor analysis": FactorAnalysis(latent_dim=2, causal=True),
    "kalman": LDS(latent_dim=2, observed="gaussian", rates="model"),
    "kalman, regression": LDS(latent_dim=2, observed="gaussian", rates="regression"),
}


@pytest.mark.parametrize("name", LANGEVIN)
def test_langevin_flow(name: str) -> None:
    model = fitted(small.small(**LANGEVIN[name]), TRIALS)
    assert_equal_to_predictions(model, TRIALS)
    assert model.stream()._stepper.slow == []  # NumPy does all of it


@pytest.mark.parametrize("name", LATENT_SDE)
def test_latent_sde(name: str) -> None:
    model = fitted(small_sde.small(**FORWARD).set_params(**LATENT_SDE[name]), TRIALS)
    assert_equal_to_predictions(model, TRIALS)


@pytest.mark.parametrize("cls", exported(undertow.dynamics, Dynamics), ids=lambda c: c.__name__)
def test_latent_sde_of_any_dynamics(cls: type[Dynamics]) -> None:
    model = small_sde.small(**FORWARD, dynamics=cls(8), posterior="auto")
    assert_equal_to_predictions(fitted(model, TRIALS), TRIALS, rows=(0,))


def test_latent_sde_that_predicts_categories_of_two_regions() -> None:
    trials = streamed_trials(kind="categorical", regions=True)
    model = small_sde.small(**FORWARD, regions="shared+split", latent_dim=6)
    assert_equal_to_predictions(fitted(model, trials), trials)


@pytest.mark.parametrize(
    "settings", [{}, {"initial__prior": "standard", "samples": 3}, {"encoder__read_in": 3}]
)
def test_lfads(settings: dict[str, Any]) -> None:
    model = small_lfads.small(causal=True, encoder__bidirectional=False, **settings)
    assert_equal_to_predictions(fitted(model, TRIALS), TRIALS)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"encoder__norm": "post", "encoder__back_s": 0.06},
        {"encoder__positions": "learned", "encoder__layers": 1},
        {"encoder__back_s": 0.0},
    ],
    ids=["default", "looks back three bins", "learned positions", "looks nowhere"],
)
def test_ndt(settings: dict[str, Any]) -> None:
    model = fitted(small_ndt.small(causal=True, **settings), TRIALS)
    assert_equal_to_predictions(model, TRIALS)


@pytest.mark.parametrize("name", BASELINES)
def test_baselines(name: str) -> None:
    assert_equal_to_predictions(fitted(BASELINES[name], TRIALS), TRIALS)


@pytest.mark.parametrize(
    "member",
    [small.small(**LANGEVIN["default"]), small_sde.small(**FORWARD), SpikeRidge(causal=True)],
    ids=["langevin-flow", "latent-sde", "ridge"],
)
def test_ensembles(member: Estimator) -> None:
    model = fitted(Ensemble(member, size=2), TRIALS)
    assert_equal_to_predictions(model, TRIALS, rows=(0,))


@pytest.mark.parametrize("channels", [1, 5])
def test_a_stimulus_is_streamed_too(channels: int) -> None:
    trials = streamed_trials(stimulus=channels)
    for model in (
        small.small(**LANGEVIN["default"]),
        small_sde.small(**FORWARD, signals__time=True),
        small_lfads.small(causal=True, encoder__bidirectional=False),
    ):
        assert_equal_to_predictions(fitted(model, trials), trials)


@pytest.mark.parametrize(
    "model",
    [
        small.small(**LANGEVIN["default"]),
        small_ndt.small(causal=True),
        small_ndt.small(causal=True, encoder__positions="learned"),
        small_lfads.small(causal=True, encoder__bidirectional=False),
        small_sde.small(**FORWARD),
    ],
    ids=["langevin-flow", "ndt", "ndt, learned", "lfads", "latent-sde"],
)
def test_a_stream_may_go_on_beyond_the_longest_trial(model: Estimator) -> None:
    """Attention then looks at the last bins alone, in predictions as in streams."""
    counts = np.random.default_rng(1).poisson(1.0, (2, 30, 6))
    longer = TrialSet(counts, 0.02, heldout=TRIALS.heldout, neuron_ids=TRIALS.neuron_ids)
    assert_equal_to_predictions(fitted(model, TRIALS), longer, rows=(0,))


@pytest.mark.parametrize(
    ("model", "trials", "match"),
    [
        (small.small(), TRIALS, "fit one with causal=True"),
        (small_ndt.small(), TRIALS, "fit one with causal=True"),
        (small_lfads.small(), TRIALS, "fit one with causal=True"),
        (Smoothing(), TRIALS, "fit one with causal=True"),
        (LDS(latent_dim=2), TRIALS, "observed='gaussian'"),
        (small_sde.small(), TRIALS, "context='forward'"),
        (small_sde.small(**FORWARD, encoder__stride=2), TRIALS, "stride=1"),
        (small_sde.small(**FORWARD, solver__bins_per_step=2), TRIALS, "bins_per_step is above 1"),
        (small_sde.small(**FORWARD, posterior__initial_share=0.5), TRIALS, "leave it at None"),
        (small_sde.small(**FORWARD, posterior__uncertain_dynamics=True), TRIALS, "fit without"),
        (small_sde.small(**FORWARD, training_path="free"), TRIALS, "fit with 'simulated'"),
    ],
)
def test_what_cannot_be_streamed_says_why(model: Estimator, trials: TrialSet, match: str) -> None:
    with pytest.raises(ModelError, match=match):
        fitted(model, trials).stream()


REAL: dict[str, Estimator] = {
    "langevin-flow": small.small(**LANGEVIN["default"], latent_dim=16),
    "latent-sde": small_sde.small(**FORWARD),
    "lfads": small_lfads.small(causal=True, encoder__bidirectional=False),
    "ndt": small_ndt.small(causal=True),
    **{name: model for name, model in BASELINES.items() if "regression" not in name},
}


@pytest.mark.parametrize("name", REAL)
def test_at_every_bin_of_a_recording(name: str, test_data: Callable[[str], Path]) -> None:
    whole = TrialSet.from_npz(test_data("maze_reach_5ms.npz"), bin_s=0.02).hold_out(40, seed=0)
    model = fitted(REAL[name], whole[:40])
    assert_equal_to_predictions(model, whole[40:42], rows=(0, 1))
