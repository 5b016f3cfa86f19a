"""What the epoch is chosen on: each of the four where a model and its trials allow it."""

import warnings
from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models import small, small_ndt, small_sde
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import Estimator

WHOLE = make_small_trials(n_trials=20, n_time=8, n_neurons=6)
HELDOUT = WHOLE.hold_out(2, seed=0)
MAKE: dict[str, Any] = {
    "LangevinFlow": small.small,
    "LatentSDE": small_sde.small,
    "NDT": small_ndt.small,
}
ALLOWED = [
    ("LangevinFlow", WHOLE, ("auto", "likelihood")),
    ("LangevinFlow", HELDOUT, ("auto", "co-bps", "likelihood")),
    ("NDT", WHOLE, ("auto", "likelihood")),
    ("NDT", HELDOUT, ("auto", "co-bps", "likelihood")),
    ("LatentSDE", WHOLE, ("auto", "likelihood", "generate")),
    ("LatentSDE", HELDOUT, ("auto", "co-bps", "likelihood", "generate")),
]
TRIALS = {id(WHOLE): "whole", id(HELDOUT): "held out"}


def fit(model: str, monitor: str, trials: TrialSet) -> Estimator:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MAKE[model](epochs=2).set_params(training__monitor=monitor).fit(trials)


@pytest.mark.parametrize(
    ("model", "trials", "monitors"),
    ALLOWED,
    ids=[f"{model}, {TRIALS[id(trials)]}" for model, trials, _ in ALLOWED],
)
def test_every_monitor_scores_what_it_says(
    model: str, trials: TrialSet, monitors: tuple[str, ...]
) -> None:
    """'auto' is the first of the others; each of them is another number."""
    scores = {monitor: fit(model, monitor, trials).validation_score_ for monitor in monitors}
    assert np.isfinite(list(scores.values())).all()
    first, others = scores.pop("auto"), list(scores.values())
    assert first == others[0]
    assert len(set(others)) == len(others)


@pytest.mark.parametrize("model", ["LangevinFlow", "NDT"])
def test_a_model_that_does_not_generate_is_not_validated_on_it(model: str) -> None:
    with pytest.raises(ModelError, match=r"training\.monitor is 'generate': .*'co-bps' or"):
        fit(model, "generate", HELDOUT)


@pytest.mark.parametrize("model", MAKE)
def test_co_smoothing_needs_held_out_neurons(model: str) -> None:
    with pytest.raises(ModelError, match="'co-bps' but no neuron is held out: hold some out"):
        fit(model, "co-bps", WHOLE)
