"""What a search varies: draws and perturbations keep to their bounds, and every model takes its own
space."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest

import undertow.baselines
import undertow.models
from tests.families import exported
from tests.models.small import GAPS, small
from tests.models.small_sde import small as small_sde
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.models import Choices, Estimator, LangevinFlow, LatentSDE, Range
from undertow.models.search_space import (
    DRAWN_ANEW,
    FACTORS,
    check_space,
    perturbed_settings,
    sampled_settings,
)
from undertow.models.trained import TrainedModel

FAMILY = exported(undertow.models, Estimator) + exported(undertow.baselines, Estimator)
SPACE = {"a": Range(1e-3, 1e-1, "log"), "b": Range(2, 9, whole=True), "c": Choices(("x", "y", 3))}
GIVEN = {"a": None, "b": 4, "c": "x", "other": 1}
DRAWS = 400


def test_draws_follow_their_scale_and_keep_to_their_bounds() -> None:
    drawn = sampled_settings(SPACE, GIVEN, DRAWS + 1, seed=3)[1:]
    logs = [math.log10(each["a"]) for each in drawn]
    # uniform in the logarithm: a test of the law at a level that one seed in 10,000 fails
    assert kstest(logs, "uniform", args=(-3, 2)).pvalue > 1e-4
    assert {each["b"] for each in drawn} == set(range(2, 10))
    assert all(type(each["b"]) is int for each in drawn)
    assert {each["c"] for each in drawn} == {"x", "y", 3}


def test_the_first_sample_is_the_model_as_it_is_and_more_samples_begin_with_the_fewer() -> None:
    few, many = (sampled_settings(SPACE, GIVEN, n, seed=1) for n in (3, 9))
    assert many[0] == {"a": None, "b": 4, "c": "x"}
    assert many[:3] == few
    assert sampled_settings(SPACE, GIVEN, 9, seed=2)[1:] != many[1:]


def test_nothing_is_tried_twice() -> None:
    space = {"c": Choices((1, 2, 3))}
    drawn = [each["c"] for each in sampled_settings(space, {"c": 2}, 20, seed=0)]
    assert drawn[0] == 2
    assert sorted(drawn) == [1, 2, 3]


def test_a_perturbed_number_is_a_fifth_away_or_drawn_anew() -> None:
    held, near = Range(1.0, 100.0), 0
    for seed in range(DRAWS):
        value = perturbed_settings({"x": held}, {"x": 10.0}, (seed,))["x"]
        assert 1.0 <= value <= 100.0
        near += any(math.isclose(value, 10.0 * factor) for factor in FACTORS)
    share = near / DRAWS
    error = math.sqrt(DRAWN_ANEW * (1 - DRAWN_ANEW) / DRAWS)
    assert abs(share - (1 - DRAWN_ANEW)) < 4 * error


def test_a_perturbed_value_stays_within_the_bounds() -> None:
    space = {"x": Range(0.5, 1.0), "n": Range(4, 5, whole=True)}
    for seed in range(50):
        found = perturbed_settings(space, {"x": 1.0, "n": 5}, (seed,))
        assert 0.5 <= found["x"] <= 1.0
        assert found["n"] in (4, 5)


def test_a_perturbed_choice_is_a_neighbour_or_drawn_anew() -> None:
    space = {"c": Choices(tuple(range(9)))}
    found = [perturbed_settings(space, {"c": 4}, (seed,))["c"] for seed in range(DRAWS)]
    share = np.isin(found, (3, 5)).mean()
    expected = 1 - DRAWN_ANEW + DRAWN_ANEW * 2 / 9
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / DRAWS)
    assert set(found) >= {0, 8}


@pytest.mark.parametrize("value", [None, "word", 7])
def test_what_is_not_in_the_space_is_drawn_anew(value: Any) -> None:
    found = perturbed_settings({"c": Choices((1, 2))}, {"c": value}, (0,))
    assert found["c"] in (1, 2)
    assert 0 <= perturbed_settings({"x": Range(0, 1)}, {"x": None}, (0,))["x"] <= 1


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: Range(2, 1), "the lower first"),
        (lambda: Range(0, 1, "log"), "must start above 0"),
        (lambda: Range(0, math.inf), "range.high is inf"),
        (lambda: Range(0, 1, "cubic"), "range.scale is 'cubic'"),
        (lambda: Choices(()), "at least one value"),
        (lambda: Choices("word"), "at least one value"),
        (lambda: check_space({"dropout": (0, 1)}), r"Range\(low, high\)"),
        (lambda: check_space([]), r"Range\(low, high\)"),
    ],
)
def test_what_is_no_range_is_refused(make: Any, rule: str) -> None:
    with pytest.raises(ModelError, match=rule):
        make()


# --- the spaces of the models ---------------------------------------------------------------------


@pytest.mark.parametrize("cls", FAMILY, ids=lambda cls: cls.__name__)
def test_a_model_takes_every_bound_and_choice_of_its_space(cls: type[Estimator]) -> None:
    model = cls()
    for name, held in cls.search_space.items():
        for value in held.examples:
            changed = model.copy(**{name: value})
            changed.check_settings()
            assert changed.get_params()[name] == value


@pytest.mark.parametrize("cls", FAMILY, ids=lambda cls: cls.__name__)
def test_settings_that_a_score_depends_on_are_settings(cls: type[Estimator]) -> None:
    model = cls()
    assert set(model.judging_settings(GAPS)) <= set(model.get_params())


def test_what_is_hidden_is_searched_only_where_neurons_are_held_out() -> None:
    everyone = GAPS.replace(heldout=np.zeros(GAPS.n_neurons, bool))
    share = "coordinated_dropout"
    assert share not in LangevinFlow().judging_settings(GAPS)
    assert share in LangevinFlow().judging_settings(everyone)
    likelihood = LangevinFlow().set_params(training__monitor="likelihood")
    assert share in likelihood.judging_settings(GAPS)


def adjusted(model: TrainedModel[Any], name: str, trials: TrialSet) -> TrainedModel[Any]:
    """The model under another value of a setting, its network built."""
    value = model.get_params()[name]
    number = value if isinstance(value, float) else 0.25
    other = model.copy(**{name: 0.5 * number if number else 0.25})
    other._build(other.describe(trials), trials)
    return other


@pytest.mark.parametrize("made", [small, small_sde], ids=["LangevinFlow", "LatentSDE"])
def test_settings_that_may_change_amid_a_training_change_no_weight(made: Any) -> None:
    model = made()
    plain = adjusted(model, "training__learning_rate", GAPS)
    shapes = {name: each.shape for name, each in plain.network_.state_dict().items()}
    groups = {key: len(each) for key, each in plain.parameter_groups().items()}
    assert model.adjustable
    for name in model.adjustable:
        other = adjusted(model, name, GAPS)
        assert {k: each.shape for k, each in other.network_.state_dict().items()} == shapes, name
        assert {k: len(each) for k, each in other.parameter_groups().items()} == groups, name
        assert other._epochs(GAPS) == plain._epochs(GAPS), name


def test_every_trained_model_can_be_a_population() -> None:
    for cls in (LangevinFlow, LatentSDE):
        assert set(cls.search_space) & cls.adjustable
