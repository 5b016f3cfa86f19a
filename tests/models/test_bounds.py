"""Bounds: every number of every option has them, found by introspection, and says its name."""

import math
from typing import Any, get_type_hints

import numpy as np
import pytest

import undertow.dynamics
import undertow.models
from tests.conftest import make_small_trials
from tests.families import exported
from undertow.baselines import Smoothing
from undertow.dynamics import Potential, UnderdampedLangevin
from undertow.dynamics.named import dynamics_names, make_dynamics, setting_types
from undertow.errors import ModelError
from undertow.inference import KLSchedule
from undertow.models import LFADS, NDT, STNDT, Ensemble, Estimator, LangevinFlow, LatentSDE
from undertow.options import Options
from undertow.schema import field_types, kinds
from undertow.training import Training

ABSURD: list[Any] = [math.nan, math.inf, -math.inf, -1, -1e300, 1e300, 10**30, 10**5000]
TRIALS = make_small_trials()


def has_number(annotation: Any) -> bool:
    return any(kind in (int, float) for kind in kinds(annotation))


def options() -> list[type[Options]]:
    found = {*exported(undertow.models, Options), Training, KLSchedule}
    return sorted(found, key=lambda cls: cls.__name__)


NUMBERS = [(cls, name) for cls in options() for name in field_types(cls)]
NUMBERS = [(cls, name) for cls, name in NUMBERS if has_number(field_types(cls)[name])]


def test_options_are_found_by_introspection() -> None:
    assert len(NUMBERS) > 30
    assert {(Training, "learning_rate"), (KLSchedule, "cycles")} <= set(NUMBERS)


@pytest.mark.parametrize(("cls", "name"), NUMBERS, ids=lambda each: getattr(each, "__name__", each))
def test_each_number_of_an_option_has_bounds(cls: type[Options], name: str) -> None:
    for value in [*ABSURD, "ten", [1, 2], np.ones(2)]:
        with pytest.raises(ModelError, match=rf"^{cls.argument}\.{name} is ") as refused:
            cls(**{name: value})
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 500


@pytest.mark.parametrize("name", dynamics_names())
def test_each_number_of_dynamics_has_bounds(name: str) -> None:
    types = setting_types(dynamics_names()[name])
    numbers = [key for key, annotation in types.items() if has_number(annotation)]
    assert {"state_dim"} <= set(numbers)
    for key in numbers:
        for value in ABSURD:
            with pytest.raises(ModelError, match=f"{key} is "):
                make_dynamics(name, {"state_dim": 8, **{key: value}})


@pytest.mark.parametrize(
    "potential", exported(undertow.dynamics, Potential), ids=lambda each: each.__name__
)
def test_each_number_of_a_potential_has_bounds(potential: Any) -> None:
    hints = get_type_hints(potential.__init__)
    for key in [key for key, annotation in hints.items() if has_number(annotation)]:
        for value in ABSURD:
            with pytest.raises(ModelError, match=" is "):
                potential(**{"dim": 4, key: value})


@pytest.mark.parametrize("cls", [LangevinFlow, LatentSDE, LFADS, NDT, STNDT, Ensemble, Smoothing])
@pytest.mark.parametrize("value", ABSURD, ids=[str(k) for k in range(len(ABSURD))])
def test_each_number_of_a_model_has_bounds(cls: type[Estimator], value: Any) -> None:
    numbers = {"latent_dim", "samples", "seed", "size", "dropout", "coordinated_dropout"}
    numbers |= {"inputs", "width_s", "floor_hz", "penalty"}
    for name in sorted(numbers & cls().get_params(deep=False).keys()):
        with pytest.raises(ModelError, match=f"{name} is "):
            cls(**{name: value}).fit(TRIALS)


def test_settings_are_refused_before_trials_are_read() -> None:
    for settings in ({"samples": 0}, {"seed": 2**64}, {"device": "meta"}, {"device": "cpu:9"}):
        with pytest.raises(ModelError):
            LangevinFlow(**settings).check_settings()  # type: ignore[arg-type]
        with pytest.raises(ModelError):
            Ensemble(LangevinFlow(**settings)).check_settings()  # type: ignore[arg-type]


def test_a_switch_takes_true_and_false_alone() -> None:
    wrong: Any = "yes"
    with pytest.raises(ModelError, match=r"training\.refit is 'yes': it must be True or False"):
        Training(refit=wrong)
    assert Training(refit=np.bool_(True)).refit


def test_a_timescale_far_below_the_bin_is_refused_with_its_steps() -> None:
    dynamics = UnderdampedLangevin(8, timescale_s=1e-6)
    with pytest.raises(ModelError, match=r"takes 2e\+04 steps at a timescale_s of 1e-06"):
        dynamics.steps_per_bin(0.02)


def test_what_does_not_fit_into_memory_is_refused_before_it_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: 10**8)
    with pytest.raises(ModelError, match=r"training .* weights on batches .* would take .* GB"):
        LangevinFlow().set_params(decoder__width=16_384).fit(TRIALS)
    with pytest.raises(ModelError, match=r"training .* weights on batches .* would take .* GB"):
        NDT().set_params(encoder__width=16_384).fit(TRIALS)
    with pytest.raises(ModelError, match=r"would take .* of memory"):
        LatentSDE().set_params(posterior__hidden_dim=60_000).fit(TRIALS)
    with pytest.raises(ModelError, match="coupling of 4096 units would take"):
        make_dynamics("kuramoto", {"state_dim": 4096})
