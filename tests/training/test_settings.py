"""`Training`: every option is checked by name; the schedule has its closed form."""

import math
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.errors import ModelError
from undertow.models import LangevinFlow
from undertow.training import Training

nan = st.just(math.nan)
below_one = st.integers(max_value=0)
fraction = st.floats(0.01, 0.99).map(lambda x: 3 + x)
negative = st.floats(max_value=-1e-6, allow_nan=False) | nan
not_positive = st.floats(max_value=0.0) | nan
MONITORS = ("auto", "co-bps", "likelihood", "generate")
WRONG = {
    "epochs": below_one | fraction,
    "steps": below_one | fraction,
    "batch_size": below_one | fraction,
    "shards": below_one | fraction,
    "validate_every": below_one | fraction,
    "learning_rate": not_positive,
    "dynamics_rate": not_positive,
    "readout_rate": not_positive,
    "clip_norm": not_positive,
    "warmup_epochs": negative,
    "weight_decay": negative,
    "weight_decay_warmup_epochs": negative,
    "schedule": st.text().filter(lambda text: text not in ("cosine", "plateau")),
    "retries": negative,
    "checkpoint_seconds": negative,
    "patience": below_one | nan,
    "max_seconds": not_positive,
    "average_decay": st.floats(min_value=1.0) | negative,
    "distill": st.floats(min_value=1.0, exclude_min=True) | negative | nan,
    "keep": st.text().filter(lambda text: text not in ("best", "last")),
    "monitor": st.text().filter(lambda text: text not in MONITORS),
}


def test_every_option_has_its_rule() -> None:
    assert {*WRONG, "refit", "recipes"} == {f.name for f in fields(Training)}


@pytest.mark.parametrize("name", WRONG)
@given(data=st.data())
def test_wrong_values_are_refused_by_name(name: str, data: st.DataObject) -> None:
    value: Any = data.draw(WRONG[name])
    with pytest.raises(ModelError, match=rf"^training\.{name} is .*: it must be "):
        Training(**{name: value})


@given(
    st.integers(1, 10**6),
    st.floats(1e-9, 10.0),
    st.integers(0, 50),
    st.floats(0.0, 0.999),
    st.none() | st.integers(1, 99),
)
def test_right_values_are_taken(
    epochs: int, rate: float, warmup: int, decay: float, patience: int | None
) -> None:
    settings = Training(
        epochs=epochs,
        learning_rate=rate,
        warmup_epochs=warmup,
        average_decay=decay,
        patience=patience,
    )
    assert settings.epochs == epochs


def test_learning_rate_warms_up_and_falls_to_one_percent() -> None:
    settings = Training(epochs=100, learning_rate=2.0, warmup_epochs=4)
    rates = [settings.learning_rate_at(epoch / 100, epoch) for epoch in range(100)]
    for epoch, rate in enumerate(rates):
        cosine = 0.01 + 0.99 * math.cos(math.pi * epoch / 200) ** 2
        assert rate == pytest.approx(2.0 * min(1.0, (epoch + 1) / 5) * cosine)
    assert settings.learning_rate_at(1.0, 100) == pytest.approx(0.02)
    assert settings.learning_rate_at(7.0, 100) == pytest.approx(0.02)


def test_on_a_plateau_the_rate_falls_by_a_twentieth_down_to_its_floor() -> None:
    settings = Training(epochs=100, learning_rate=3e-3, schedule="plateau", warmup_epochs=4)
    for reductions in range(200):
        rate = settings.learning_rate_at(0.9, 50, reductions)
        assert rate == pytest.approx(max(3e-3 * 0.95**reductions, 1e-5))
    assert settings.learning_rate_at(0.0, 1, 0) == pytest.approx(3e-3 * 2 / 5)
    assert Training(schedule="plateau", learning_rate=1e-6).learning_rate_at(
        0.5, 50, 99
    ) == pytest.approx(1e-6)


def test_the_rate_of_a_cosine_does_not_heed_plateaus() -> None:
    settings = Training(epochs=100, warmup_epochs=0)
    assert settings.learning_rate_at(0.3, 30, 7) == settings.learning_rate_at(0.3, 30, 0)


def test_weight_decay_rises_linearly_over_its_epochs() -> None:
    settings = Training(weight_decay=0.2, weight_decay_warmup_epochs=4)
    assert [settings.weight_decay_at(epoch) for epoch in range(6)] == pytest.approx(
        [0, 0.05, 0.1, 0.15, 0.2, 0.2]
    )
    assert [Training(weight_decay=0.2).weight_decay_at(epoch) for epoch in (0, 9)] == [0.2, 0.2]


@pytest.mark.parametrize("monitor", MONITORS)
def test_validation_measures_one_of_four(monitor: Any) -> None:
    assert Training(monitor=monitor).monitor == monitor


def test_refitting_needs_epochs_and_no_clock() -> None:
    assert Training(refit=True).refit
    with pytest.raises(ModelError, match=r"training\.refit is True .*training\.max_seconds"):
        Training(refit=True, max_seconds=10.0)
    model = LangevinFlow().set_params(training__max_seconds=10.0)
    assert (model.training.refit, model.training.max_seconds) == (False, 10.0)
    model.set_params(training__refit=False)
    assert model.training.max_seconds == 10.0
    model.set_params(training__refit=True)
    assert (model.training.refit, model.training.max_seconds) == (True, None)


# --- budgets ----------------------------------------------------------------------------------


def test_a_budget_is_of_epochs_or_of_steps() -> None:
    assert (Training().epochs, Training().steps) == (None, None)
    assert (Training(steps=500).epochs, Training(steps=500).steps) == (None, 500)
    with pytest.raises(ModelError, match=r"epochs is 5 and training\.steps 9: .* one of the two"):
        Training(epochs=5, steps=9)


def test_setting_one_budget_unsets_the_other() -> None:
    model = LangevinFlow(training=Training(epochs=7))
    model.set_params(training__steps=30)
    assert (model.training.epochs, model.training.steps) == (None, 30)
    model.set_params(training__epochs=9, training__patience=3)
    assert (model.training.epochs, model.training.steps) == (9, None)
    model.set_params(training__steps=None)
    assert (model.training.epochs, model.training.steps) == (9, None)


@given(st.integers(1, 10**5), st.integers(1, 10**4), st.integers(1, 500))
def test_steps_are_rounded_up_to_whole_epochs(steps: int, trials: int, size: int) -> None:
    planned = Training(steps=steps, batch_size=size).planned(trials)
    batches = math.ceil(trials / size)
    assert planned.epochs is not None
    assert steps <= planned.epochs * batches < steps + batches
    assert planned.epochs == Training(steps=steps, batch_size=size).epochs_of(trials)
    assert planned.warmup_epochs <= planned.epochs / 10


def test_few_and_many_trials_are_trained_as_long() -> None:
    taken = []
    for trials in (50, 500, 5000):
        epochs = Training(steps=2000, batch_size=64).epochs_of(trials)
        taken.append(epochs * math.ceil(trials / 64))
    assert taken == [2000, 2000, 2054]


def test_a_budget_in_epochs_stays_as_it_is() -> None:
    settings = Training(epochs=30, warmup_epochs=20)
    assert settings.planned(10**4) == settings


def test_without_a_number_there_are_forty_validations() -> None:
    planned = Training(epochs=400, validate_every=None).planned(100)
    assert planned.validate_every == 10
    assert Training(epochs=7, validate_every=None).planned(100).validate_every == 1


@pytest.mark.parametrize(
    ("trials", "epochs"), [(3, 200), (64, 200), (640, 200), (1200, 105), (5000, 50)]
)
def test_without_a_budget_few_trials_train_for_200_epochs_and_many_for_fewer(
    trials: int, epochs: int
) -> None:
    assert Training().epochs_of(trials) == Training().planned(trials).epochs == epochs
