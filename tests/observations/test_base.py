"""The contract of `Observation` over every exported observation model, with every option that
changes its readout."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import undertow.observations
from tests.families import exported, one_per_implementation
from undertow.errors import ModelError
from undertow.observations import (
    CategoricalChannels,
    CategoricalObservation,
    CountObservation,
    GaussianObservation,
    Observation,
)

TRIALS, BINS, FEATURES, ENTRIES = 4, 6, 6, 5
FAMILY = exported(undertow.observations, Observation)
RATES = torch.tensor([5.0, 0.0, 40.0, 1.0, 12.0])
COUNT_OPTIONS = ({}, {"floor_hz": 1.0}, {"link": "softplus"}, {"region": [0, 2, 1, 1, 0]})
TOGETHER = {"floor_hz": 1.0, "link": "softplus", "region": [0, 2, 1, 1, 0]}
CATEGORIES = {f"channel {k}": [-1.0, *range(1, 2 + k)] for k in range(ENTRIES)}
OTHERS = {
    GaussianObservation: (FEATURES, ENTRIES),
    CategoricalObservation: (FEATURES, ENTRIES),
    CategoricalChannels: (FEATURES, CATEGORIES),
}


def builders() -> dict[str, Callable[[], Observation]]:
    """Each member; the options of the rates one by one where they are implemented, and all together
    in every class that inherits them."""
    made: dict[str, Callable[[], Observation]] = {}
    counted = [cls for cls in FAMILY if issubclass(cls, CountObservation)]
    alone = one_per_implementation(counted, "log_rates")
    for cls in FAMILY:
        if cls not in counted:
            made[cls.__name__] = lambda cls=cls: cls(*OTHERS[cls])
            continue
        for options in (*COUNT_OPTIONS, TOGETHER) if cls in alone else ({}, TOGETHER):
            name = f"{cls.__name__} {options or ''}"
            made[name] = lambda cls=cls, options=options: cls(FEATURES, RATES, 0.02, **options)
    return made


BUILDERS = builders()


def make(build: Callable[[], Observation]) -> Observation:
    """In float64, every parameter off its start."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build().double()
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters()):
            parameter += 0.3 * draw(*parameter.shape, seed=k)
    return model


@pytest.fixture(params=BUILDERS.values(), ids=BUILDERS.keys())
def model(request: pytest.FixtureRequest) -> Observation:
    return make(request.param)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


FEATURE_VALUES = draw(TRIALS, BINS, FEATURES, seed=50)


def observed(model: Observation) -> Tensor:
    """What the model itself could have seen."""
    return model.sample(FEATURE_VALUES, torch.Generator().manual_seed(1)).detach()


def test_one_number_for_each_entry(model: Observation) -> None:
    values = observed(model)
    assert values.shape[:2] == (TRIALS, BINS)
    assert values.dtype == torch.float64
    log_prob = model.log_prob(FEATURE_VALUES, values)
    assert log_prob.shape == values.shape
    assert torch.isfinite(log_prob).all()
    assert model.mean(FEATURE_VALUES).shape[:3] == (TRIALS, BINS, ENTRIES)


def test_both_in_one_pass_are_the_same(model: Observation) -> None:
    values = observed(model)
    values[0, 2] = math.nan
    mean, log_prob = model.mean_and_log_prob(FEATURE_VALUES, values)
    assert torch.allclose(mean, model.mean(FEATURE_VALUES), rtol=1e-12)
    assert torch.equal(log_prob, model.log_prob(FEATURE_VALUES, values))


def test_missing_entries_give_zero_and_no_gradient(model: Observation) -> None:
    values, features = observed(model), FEATURE_VALUES.clone().requires_grad_()
    values[1], values[2, 3] = math.nan, math.nan
    nothing = torch.full_like(values, math.nan)
    assert (model.log_prob(FEATURE_VALUES, nothing) == 0).all()
    log_prob = model.log_prob(features, values)
    assert torch.equal(log_prob == 0, values.isnan())
    log_prob.sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    touched = features.grad.abs().sum(-1) > 0
    expected = torch.ones(TRIALS, BINS, dtype=torch.bool)
    expected[1], expected[2, 3] = False, False
    assert torch.equal(touched, expected)


def test_gradients_are_the_numerical_ones(model: Observation) -> None:
    values, features = observed(model)[:1, :2], FEATURE_VALUES[:1, :2].clone().requires_grad_()
    values[0, 1] = math.nan
    parameters = [p.detach().clone().requires_grad_() for p in model.parameters()]
    names = [name for name, _ in model.named_parameters()]

    def log_prob(x: Tensor, *given: Tensor) -> Tensor:
        state = dict(zip(names, given, strict=True))
        return torch.func.functional_call(model, state, (x, values))

    model.forward = model.log_prob  # type: ignore[method-assign]
    assert torch.autograd.gradcheck(log_prob, (features, *parameters))


def test_the_generator_decides_a_sample_and_the_global_one_is_left_alone(
    model: Observation,
) -> None:
    before = torch.get_rng_state()
    draws = [
        model.sample(FEATURE_VALUES, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.equal(torch.get_rng_state(), before)


def test_dtype_is_kept(model: Observation) -> None:
    for dtype in (torch.float32, torch.float64):
        model, features = model.to(dtype), FEATURE_VALUES.to(dtype)
        values = model.sample(features, torch.Generator().manual_seed(0))
        given = (values, model.mean(features), model.log_prob(features, values))
        assert [each.dtype for each in given] == [dtype] * 3


@pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS.keys())
def test_weights_carry_all_that_was_learned_or_measured(build: Callable[[], Observation]) -> None:
    model, other = make(build), build().double()
    other.load_state_dict(model.state_dict())
    assert torch.equal(other.mean(FEATURE_VALUES), model.mean(FEATURE_VALUES))


def test_most_likely_is_what_it_says_is_likely(model: Observation) -> None:
    """On average over its own samples, the model's log-likelihood is above that of another set of
    features."""
    wide = FEATURE_VALUES.repeat(200, 1, 1)
    values = model.sample(wide, torch.Generator().manual_seed(3))
    gap = model.log_prob(wide, values) - model.log_prob(wide.flip(-1), values)
    per_draw = gap.detach().reshape(len(wide), -1).sum(1)
    assert float(per_draw.mean()) > 3 * float(per_draw.std()) / len(wide) ** 0.5


# --- bins and trials --------------------------------------------------------------------------


def test_per_bin_features_are_read_as_they_are() -> None:
    valid = torch.ones(TRIALS, BINS, dtype=torch.bool)
    assert GaussianObservation(FEATURES, 2).pool(FEATURE_VALUES, valid) is FEATURE_VALUES


def test_per_trial_they_are_averaged_over_valid_bins_whatever_the_others_hold() -> None:
    valid = torch.arange(BINS) < torch.tensor([6, 3, 1, 4])[:, None]
    valid[0, 2] = False
    dirty = torch.where(valid[..., None], FEATURE_VALUES, math.nan)
    for model in (
        GaussianObservation(FEATURES, 2, per="trial"),
        CategoricalObservation(FEATURES, 3, "trial"),
    ):
        pooled = model.pool(dirty, valid)
        assert pooled.shape == (TRIALS, FEATURES)
        for trial in range(TRIALS):
            assert torch.allclose(
                pooled[trial], FEATURE_VALUES[trial][valid[trial]].mean(0), atol=1e-12
            )
        assert (model.pool(dirty, torch.zeros_like(valid)) == 0).all()


def test_neither_bin_nor_trial_is_refused() -> None:
    for cls in (GaussianObservation, CategoricalObservation):
        with pytest.raises(ModelError, match=r"per is 'day': .* 'bin', 'trial'"):
            cls(FEATURES, 2, per="day")  # type: ignore[arg-type]
