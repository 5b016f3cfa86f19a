"""Every estimator in scikit-learn's hands: cloned with its pieces, cross-validated, searched."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score

from tests.conftest import make_small_trials
from tests.models import small, small_gp, small_lfads, small_ndt, small_sde
from undertow.baselines import (
    GPFA,
    LDS,
    MINT,
    PCA,
    SLDS,
    ConditionAverage,
    FactorAnalysis,
    GainedAverage,
    MeanRate,
    Smoothing,
    SpikeRidge,
)
from undertow.dynamics import CoupledOscillators
from undertow.errors import ModelError
from undertow.models import STNDT, Ensemble, Estimator, model_choices

TRIALS = make_small_trials(n_trials=24, n_time=8, n_neurons=6).hold_out(2, seed=0)
CASES: dict[str, tuple[Estimator, dict[str, list[Any]]]] = {
    "langevin-flow": (small.small(epochs=1), {"training__epochs": [1, 2]}),
    "latent-sde": (small_sde.small(), {"training__epochs": [1, 2], "posterior__kind": ["drift"]}),
    "latent-sde of dynamics": (
        small_sde.small(dynamics=CoupledOscillators(4)),
        {"dynamics__coupling": ["none", "diffusive"]},
    ),
    "ensemble": (Ensemble(small.small(epochs=1), size=2), {"member__training__epochs": [1, 2]}),
    "gp-slds": (small_gp.small(em__iterations=2), {"em__iterations": [1, 2]}),
    "lfads": (small_lfads.small(epochs=1), {"controller__hidden_dim": [3, 4]}),
    "ndt": (small_ndt.small(epochs=1), {"masking__unit": ["bins", "entries"]}),
    "stndt": (small_ndt.small(STNDT, epochs=1), {"contrast__weight": [0.0, 1.0]}),
    "smoothing": (Smoothing(floor_hz=0.5, penalty=0.1), {"width_s": [0.03, 0.06]}),
}
LATENTS = {"em__iterations": 1, "em__inference_steps": 4, "em__refit": 1}
CASES |= {
    "lds": (LDS(2).copy(**LATENTS), {"em__iterations": [1, 2], "observed": ["gaussian"]}),
    "gpfa": (GPFA(2).copy(**LATENTS), {"timescale_s": [0.05, 0.1]}),
    "slds": (SLDS(2, 2).copy(**LATENTS, em__restarts=1), {"recurrent": [True, False]}),
    "factor-analysis": (FactorAnalysis(2, 0.04, 0.1), {"latent_dim": [1, 2]}),
    "pca": (PCA(2, 0.04, 0.1), {"penalty": [0.1, 1.0]}),
    "mean-rate": (MeanRate(), {"seed": [0, 1]}),
    "condition-average": (ConditionAverage(0.04), {"added_trials": [1.0, 10.0]}),
    "psth-gain": (GainedAverage(0.04), {"added_spikes": [10.0, 100.0]}),
    "ridge": (SpikeRidge(), {"lags": [0, 2]}),
    "mint": (MINT(0.04, 0.1, 0.04), {"estimate": ["interpolate", "average"]}),
}
every = pytest.mark.parametrize(("model", "grid"), CASES.values(), ids=CASES.keys())


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def co_bps(model: Any, trials: Any, y: Any = None) -> float:
    return float(model.score(trials)["co-bps"].value)


def test_every_estimator_is_tried() -> None:
    assert {model.cli_name for model, _ in CASES.values()} == set(model_choices())


@every
def test_clones_have_equal_pieces_that_are_their_own(
    model: Estimator, grid: dict[str, list[Any]]
) -> None:
    (name, values), *_ = grid.items()
    before, copy = repr(model), clone(model)
    assert {k: repr(v) for k, v in copy.get_params().items()} == {
        k: repr(v) for k, v in model.get_params().items()
    }
    copy.set_params(**{name: values[1]})
    assert copy.get_params()[name] == values[1]
    assert repr(model) == before
    with pytest.raises(ModelError, match="not fitted"):
        clone(copy).predict(TRIALS)


@every
def test_folds_are_scored_as_by_hand(model: Estimator, grid: dict[str, list[Any]]) -> None:
    scores = cross_val_score(model, TRIALS, scoring=co_bps, cv=2, error_score="raise")
    assert scores.shape == (2,)
    first = model.copy().fit(TRIALS[12:])
    assert scores[0] == pytest.approx(co_bps(first, TRIALS[:12]))
    assert np.isfinite(scores).all()


@every
def test_settings_are_searched_and_the_best_refitted(
    model: Estimator, grid: dict[str, list[Any]]
) -> None:
    search = GridSearchCV(model, grid, scoring=co_bps, cv=2, error_score="raise").fit(TRIALS)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_
    assert isinstance(best, type(model))
    assert search.best_params_.items() <= best.get_params().items()
    assert best.predict(TRIALS).rates.shape == TRIALS.spikes.shape
