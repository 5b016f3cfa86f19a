"""Budgets of time: what fits into them, and what is said to be lost."""

import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import make_small_trials
from undertow.baselines import LDS, Smoothing
from undertow.data import split_trials
from undertow.errors import UndertowError
from undertow.experiments import Budgeted, within_budget
from undertow.experiments.budget import as_before, seconds_of
from undertow.experiments.cost import Estimate
from undertow.experiments.identity import settings_of
from undertow.files import plain
from undertow.models import Ensemble, LangevinFlow
from undertow.models.racing import race_cost
from undertow.training import Training

PARTS = split_trials(make_small_trials(), seed=0)
STEP_S, ONCE_S, SCORED_S, REPORT_S = 0.1, 2.0, 3.0, 5.0
AFTER_S = SCORED_S + REPORT_S
EPOCHS = 100


def model(**training: Any) -> LangevinFlow:
    return LangevinFlow(training=Training(**{"epochs": EPOCHS, "batch_size": 64, **training}))


def told(each: Any) -> Estimate:
    """An estimate of a step of 0.1 s, one an epoch, and 2 s for each recipe beside it."""
    if isinstance(each, Ensemble):
        one = told(each.piece("member"))
        return Estimate(
            each.size * one.seconds,
            each.size * one.steps,
            1,
            0,
            each.size * SCORED_S,
            REPORT_S,
            once_s=each.size * one.once_s,
        )
    if isinstance(each, LDS):
        steps, once_s = each.em.iterations, ONCE_S
    elif isinstance(each, Smoothing):
        return Estimate(7.0, 0, 1, 0, SCORED_S, REPORT_S, once_s=7.0)
    else:
        training = each.training
        trainings = 1 + race_cost(len(training.recipes)) + training.refit
        steps = round(training.epochs_of(len(PARTS.train)) * trainings)
        once_s = ONCE_S * max(1, len(training.recipes))
    return Estimate(steps * STEP_S + once_s, steps, 1, 0, SCORED_S, REPORT_S, once_s=once_s)


@pytest.fixture(autouse=True)
def _told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.experiments.budget.estimate", lambda each, *_: told(each))


def test_what_fits_is_left_as_it_is() -> None:
    given = model(refit=True, recipes=("light", "heavy"))
    found = within_budget(given, PARTS, 1000.0)
    assert found.model is given
    assert found.lost == ()
    assert "holds the whole run" in found.words()


def test_the_race_is_left_out_first() -> None:
    given = model(refit=True, recipes=("light", "heavy", "first-order"))
    whole_s = told(given).seconds + AFTER_S
    found = within_budget(given, PARTS, whole_s - 1)
    training = found.model.training  # type: ignore[attr-defined]
    assert (training.epochs, training.refit, training.recipes) == (EPOCHS, True, ())
    assert found.lost == ("the 3 recipes are not raced",)
    assert found.seconds == pytest.approx(2 * EPOCHS * STEP_S + ONCE_S + AFTER_S)
    assert found.whole_s == pytest.approx(whole_s)


def test_then_epochs_and_then_the_second_training() -> None:
    room = lambda epochs, times: (epochs * times * STEP_S + ONCE_S + AFTER_S) / 0.9  # noqa: E731
    some = within_budget(model(refit=True), PARTS, room(60.5, 2))
    assert (some.model.training.epochs, some.model.training.refit) == (60, True)  # type: ignore[attr-defined]
    assert some.lost == (f"60 of {EPOCHS} epochs",)
    few = within_budget(model(refit=True), PARTS, room(40.5, 2))
    assert (few.model.training.epochs, few.model.training.refit) == (81, False)  # type: ignore[attr-defined]
    assert few.lost[0].startswith("no second training")
    assert few.lost[1] == f"81 of {EPOCHS} epochs"
    assert "scores will be lower: no second training" in few.words()


@given(st.floats(10.5, 60), st.booleans(), st.integers(1, 3), st.booleans())
def test_what_is_planned_is_within_the_budget(
    seconds: float, refit: bool, fits: int, several: bool
) -> None:
    given: Any = model(refit=refit)
    if several:
        given = Ensemble(given, 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("undertow.experiments.budget.estimate", lambda each, *_: told(each))
        try:
            found: Budgeted = within_budget(given, PARTS, seconds * fits * (1 + several), fits)
        except UndertowError as error:
            assert "too short" in str(error)  # noqa: PT017
            return
        again = told(found.model)
    assert found.seconds <= seconds * fits * (1 + several)
    assert found.seconds == pytest.approx(fits * (again.seconds + again.scored_s) + REPORT_S)


def test_of_an_ensemble_each_member_is_trained_shorter() -> None:
    found = within_budget(Ensemble(model(), 4), PARTS, 50.0)
    assert isinstance(found.model, Ensemble)
    assert found.model.size == 4
    assert found.model.piece("member").training.epochs < EPOCHS


def test_expectation_maximisation_takes_fewer_iterations() -> None:
    given = LDS()
    found = within_budget(given, PARTS, AFTER_S / 0.9 + 6.0)
    assert 1 <= found.model.em.iterations < given.em.iterations  # type: ignore[attr-defined]
    assert "iterations" in found.lost[0]


@pytest.mark.parametrize("given", [model(), LDS(), Smoothing()])
def test_a_budget_that_holds_nothing_is_refused_with_what_would_do(given: Any) -> None:
    with pytest.raises(UndertowError, match=r"scores and report alone .*give .* or more"):
        within_budget(given, PARTS, 8.5)


def test_a_run_goes_on_with_the_training_it_began_with() -> None:
    given = model(refit=True, recipes=("light", "heavy"))
    for each in (given, Ensemble(given, 2)):
        shorter = within_budget(each, PARTS, 40.0).model
        assert repr(as_before(each, plain(settings_of(shorter)))) == repr(shorter)
    lds = within_budget(LDS(), PARTS, AFTER_S / 0.9 + 6.0).model
    assert repr(as_before(LDS(), plain(settings_of(lds)))) == repr(lds)


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("10min", 600), (" 1.5 h ", 5400), (".5min", 30)]
)
def test_durations(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["10", "min", "-5min", "0s", "1e3s", "5 minutes", "", "inf h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UndertowError, match=r"a budget is .*: give a number above zero"):
        seconds_of(text)


def test_real_estimates_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from undertow.experiments import cost

    monkeypatch.setattr("undertow.experiments.budget.estimate", cost.estimate)
    small = LangevinFlow(training=Training(epochs=10_000)).set_params(
        latent_dim=8, encoder__hidden_dim=8, decoder__width=8, decoder__heads=2, samples=2
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = within_budget(small, PARTS, 60.0)
    assert 1 <= found.model.training.epochs < 10_000  # type: ignore[attr-defined]
    assert found.seconds <= 60.0
