"""What `--budget` makes of a model, and says of it."""

from typing import TYPE_CHECKING

from undertow.cli.errors import say
from undertow.cli.plan import Plan

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.models import Estimator


def budgeted(plan: Plan, model: "Estimator", trials: "TrialSet", resume: bool) -> "Estimator":
    """The model with the training that the budget of a plan holds; said on stderr.

    A run that is gone on with keeps the training that it was begun with.
    """
    from undertow.data import fold_splits, split_trials
    from undertow.experiments import within_budget
    from undertow.experiments.budget import as_before, seconds_of
    from undertow.experiments.identity import FILE
    from undertow.experiments.records import read_run

    assert plan.budget is not None
    if resume and (begun := plan.directory() / FILE).exists():
        return as_before(model, read_run(begun).get("settings", {}))
    if plan.folds is None:
        parts = split_trials(trials, seed=plan.split_seed)
    else:
        parts = fold_splits(trials, plan.folds, plan.split_seed)[0]
    found = within_budget(model, parts, seconds_of(plan.budget), plan.folds or 1)
    say(f"budget of {plan.budget.strip()}: {found.words()}")
    return found.model
