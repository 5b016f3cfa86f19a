"""Sizes known before a network is built: never above what it then holds, and near it."""

from typing import Any

import pytest

from tests.conftest import make_small_trials
from undertow.errors import ModelError
from undertow.models import LFADS, NDT, STNDT, LangevinFlow, LatentSDE
from undertow.models.sample_sums import SampleSums
from undertow.models.trained import TrainedModel
from undertow.randomness import isolated_seed

TRIALS = make_small_trials().hold_out(2)
LANGEVIN: list[dict[str, Any]] = [
    {},
    {"dynamics": None},
    {"encoder": "linear", "decoder": "mlp"},
    {"decoder": "linear", "posterior": "autonomous"},
    {"dynamics__order": 1, "dynamics__potential": "mlp", "decoder__inputs": ("z",)},
    {"encoder__bidirectional": False, "decoder__feedforward": 9},
]
SDE: list[dict[str, Any]] = [
    {},
    {"dynamics": "neural-sde", "posterior": "autonomous"},
    {"dynamics": "gru", "encoder__context": "both", "posterior__full_initial": True},
    {"posterior__initial_s": 0.0, "posterior": "drift", "observation": "negative-binomial"},
]
RECURRENT: list[dict[str, Any]] = [
    {},
    {"inputs": 0},
    {"inputs": 3, "encoder__bidirectional": False, "generator__hidden_dim": 9},
]
TRANSFORMER: list[dict[str, Any]] = [
    {},
    {"encoder__width": 9, "encoder__feedforward": 5, "encoder__layers": 1},
]


@pytest.mark.parametrize(
    "model",
    [LangevinFlow().set_params(**each) for each in LANGEVIN]
    + [LatentSDE().set_params(**each) for each in SDE]
    + [LFADS().set_params(**each) for each in RECURRENT]
    + [cls().set_params(**each) for cls in (NDT, STNDT) for each in TRANSFORMER]
    + [STNDT(mixes="features")],
    ids=repr,
)
def test_the_size_is_at_most_what_the_network_holds_and_most_of_it(
    model: TrainedModel[Any],
) -> None:
    population = model.describe(TRIALS)
    with isolated_seed(0):
        size = model.network_size(population)
        held = sum(p.numel() for p in model.build_network(population).parameters())
    assert 0.6 * held < size.weights <= held
    assert size.per_bin > 0


def test_more_samples_than_memory_holds_are_refused() -> None:
    with pytest.raises(ModelError, match=r"samples of the rates of .* of memory.*ask for fewer"):
        SampleSums(TRIALS, 10**15, keep=True)
