"""A budget of time: the training that fits into it, and what is lost by that."""

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from undertow.data import Splits
from undertow.errors import UndertowError
from undertow.experiments.cost import Clock, Estimate, estimate
from undertow.models import Ensemble, Estimator
from undertow.models.em import EM
from undertow.names import shown
from undertow.training import Training
from undertow.training import clock as in_time

PLANNED = 0.9
"""Share of a budget that is planned: estimates are no promises."""
LEAST = 0.5
"""Of the epochs; where a second training leaves room for fewer, there is none."""
UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}
CHANGED = ("epochs", "steps", "refit", "recipes")
"""Options of a training that a budget sets."""


@dataclass(frozen=True)
class Budgeted:
    """A model whose run fits into a budget.

    Attributes:
        model: unfitted, as given or trained shorter.
        seconds: that its run will take, all fits with scores and report, by estimate.
        whole_s: that it would take as given.
        lost: what is left out, in words; empty where nothing is.
    """

    model: Estimator
    seconds: float
    whole_s: float
    lost: tuple[str, ...] = ()

    def words(self) -> str:
        """In a sentence, for people."""
        if not self.lost:
            return f"the budget holds the whole run: about {in_time(self.seconds)}."
        return (
            f"the whole run would take about {in_time(self.whole_s)}; within the budget, about "
            f"{in_time(self.seconds)}, scores will be lower: {'; '.join(self.lost)}."
        )


def seconds_of(text: str) -> float:
    """A duration such as '90s', '10min' or '1.5h' in seconds.

    Raises:
        UndertowError: for anything else.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(s|min|h)\s*", str(text))
    value = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not 0 < value < math.inf:
        raise UndertowError(
            f"a budget is {shown(text)}: give a number above zero with its unit, such as 90s, "
            "10min or 2h."
        )
    return value


def within_budget(
    model: Estimator,
    splits: Splits,
    seconds: float,
    fits: int = 1,
    clock: Clock = time.perf_counter,
) -> Budgeted:
    """Shorten the training of a model until its run fits into a budget.

    What comes first is left out first: the race of recipes, epochs, and where fewer than half of
    these are left, the second training on all trials. Of expectation–maximisation there are fewer
    iterations; fits in closed form are what they are.

    Args:
        model: unfitted.
        splits: of the run, or of its first fold.
        seconds: the budget, for all fits, scores and the report.
        fits: how often it is fitted, such as once in each fold.
        clock: as in `estimate`.

    Raises:
        UndertowError: where not even the shortest run fits.
    """
    whole = estimate(model, splits, clock)
    whole_s = fits * (whole.seconds + whole.scored_s) + whole.report_s
    if whole_s <= seconds:
        return Budgeted(model, whole_s, whole_s)
    rest_s = fits * whole.scored_s + whole.report_s
    inner = model.piece("member") if isinstance(model, Ensemble) else model
    members = model.size if isinstance(model, Ensemble) else 1
    room_s = (PLANNED * seconds - rest_s) / (fits * members)
    one = replace(whole, seconds=whole.seconds / members, once_s=whole.once_s / members)
    one = replace(one, steps=whole.steps // members)
    shorter, fit_s, lost = _shortened(inner, one, splits, room_s)
    if shorter is None:
        raise UndertowError(
            f"a budget of {_words(seconds)} is too short: scores and report alone take about "
            f"{_words(rest_s)}, and the shortest fit {_words(fits * members * fit_s)} more; give "
            f"{_words(1.2 * (rest_s + fits * members * fit_s))} or more."
        )
    chosen = model.copy(member=shorter) if isinstance(model, Ensemble) else shorter
    return Budgeted(chosen, rest_s + fits * members * fit_s, whole_s, lost)


def as_before(model: Estimator, settings: Mapping[str, Any]) -> Estimator:
    """The model with the training that a run was begun with, from the settings in its run.json."""
    inner = model.piece("member") if isinstance(model, Ensemble) else model
    held = settings.get("member", {}) if isinstance(model, Ensemble) else settings
    params = inner.get_params(deep=False)
    for name, kept in (("training", CHANGED), ("em", ("iterations",))):
        options, known = params.get(name), held.get(name)
        if isinstance(options, Training | EM) and isinstance(known, Mapping):
            found = {key: known[key] for key in kept if key in known}
            found |= {"recipes": tuple(found["recipes"])} if "recipes" in found else {}
            inner = inner.copy(**{name: replace(options, **found)})
    return model.copy(member=inner) if isinstance(model, Ensemble) else inner


Shortened = tuple[Estimator | None, float, tuple[str, ...]]
"""The model, None where none fits; seconds of a fit, the least there is where none fits; losses."""


def _shortened(model: Estimator, whole: Estimate, splits: Splits, room_s: float) -> Shortened:
    params = model.get_params(deep=False)
    if isinstance(params.get("training"), Training):
        return _fewer_epochs(model, params["training"], whole, splits, room_s)
    if isinstance(params.get("em"), EM):
        return _fewer_iterations(model, params["em"], whole, room_s)
    return None, whole.seconds, ()


def _fewer_epochs(
    model: Estimator, training: Training, whole: Estimate, splits: Splits, room_s: float
) -> Shortened:
    n_trials, lost = len(splits.train), list[str]()
    every = training.epochs_of(n_trials)
    step_s = (whole.seconds - whole.once_s) / max(whole.steps, 1)
    epoch_s = step_s * math.ceil(n_trials / training.batch_size)
    once_s = whole.once_s / max(1, len(training.recipes))
    if training.recipes:
        lost.append(f"the {len(training.recipes)} recipes are not raced")
    refit = training.refit
    epochs = int((room_s - once_s) / (epoch_s * (1 + refit)))
    if refit and epochs < LEAST * every:
        refit, epochs = False, int((room_s - once_s) / epoch_s)
        lost.append("no second training on training and validation trials together")
    if epochs < 1:
        return None, once_s + epoch_s, ()
    epochs = min(epochs, every)
    if epochs < every:
        lost.append(f"{epochs} of {every} epochs")
    shorter = replace(training, epochs=epochs, steps=None, refit=refit, recipes=())
    return model.copy(training=shorter), once_s + epochs * epoch_s * (1 + refit), tuple(lost)


def _fewer_iterations(model: Estimator, em: EM, whole: Estimate, room_s: float) -> Shortened:
    each_s = (whole.seconds - whole.once_s) / max(whole.steps, 1)
    iterations = min(int((room_s - whole.once_s) / each_s), em.iterations)
    if iterations < 1:
        return None, whole.once_s + each_s, ()
    lost = (f"{iterations} of {em.iterations} iterations",)
    return (
        model.copy(em=replace(em, iterations=iterations)),
        whole.once_s + iterations * each_s,
        lost,
    )


def _words(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 90 else f"{math.ceil(seconds / 60)} min"
