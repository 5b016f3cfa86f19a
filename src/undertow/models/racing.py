"""A race of recipes: settings of a model, tried on validation trials by successive halving."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from undertow.data import TrialSet, join_trials, split_validation
from undertow.errors import ModelError
from undertow.files import read_json, write_json
from undertow.models.base import ProgressReport
from undertow.names import nearest
from undertow.training import Training, named, processes
from undertow.training.kept_state import CHECKPOINT

Recipe = Mapping[str, Any]
Parts = tuple[TrialSet, TrialSet]
FIRST = 1 / 10
"""Share of a whole training after which all are compared; the last two then go on to its end."""
REFIT = "refit"
"""Folder of the state of a second training."""
FEW_TRIALS, SPLITS = 200, 2
"""Below so many trials, all are compared on more than one split, each for a shorter time."""
LEAST_RATIO = 1.0
"""Standard errors by which a recipe must be ahead of the first to be taken in its place."""


class Racer(Protocol):
    """What a model must be able to do to be raced; a `TrainedModel` is."""

    recipes: ClassVar[Mapping[str, Recipe]]
    training: Training
    seed: int

    def copy(self, **changes: Any) -> Self:
        """Return an unfitted copy, with some settings changed."""

    def set_params(self, **params: Any) -> Self:
        """Change settings."""

    def check_fit(self, trials: TrialSet) -> None:
        """Refuse settings that cannot be trained on these trials."""

    def advance(
        self,
        trials: TrialSet,
        validation: TrialSet,
        share: float,
        folder: Path,
        report: ProgressReport,
    ) -> None:
        """Train up to a share of the budget, from the state in a folder."""

    def scores_by_trial(self, trials: TrialSet) -> np.ndarray:
        """Score each validation trial; the sum is in bits per spike, up to a constant."""


@dataclass(frozen=True, eq=False)
class Entrant:
    """A recipe in the race.

    Attributes:
        name: of the recipe.
        model: with its settings.
        folder: where the states of its trainings lie.
    """

    name: str
    model: Racer
    folder: Path

    def advance(self, parts: Sequence[Parts], share: float, report: ProgressReport) -> np.ndarray:
        """Train up to a share of the budget on each split; return each validation trial's score.

        Scores are those of the epoch that validated best so far, in bits per spike of all; at the
        end of the training, with what is chosen there.

        Raises:
            ModelError: where the folder holds the scores of other trials.
        """
        scores = []
        for split, (trials, validation) in enumerate(parts):
            folder = self.folder / f"split{split}"
            done = folder / f"scores_at_{share:.4f}.json"
            if not done.exists():  # a training that went on would be scored at a later epoch
                self.model.advance(trials, validation, share, folder, named(report, self.name))
                scored = processes().agreed(
                    lambda: self.model.scores_by_trial(validation).tolist()  # noqa: B023
                )
                write_json(done, scored)
            scores.append(np.array(read_json(done), dtype=np.float64))
            if len(scores[-1]) != len(validation):
                raise ModelError(
                    f"{done} has the scores of {len(scores[-1])} trials where there are "
                    f"{len(validation)}: resume with the same trials, or choose another folder."
                )
        return np.concatenate(scores) / len(scores)


def race_cost(recipes: int) -> float:
    """Trainings that a race costs beside the one that goes on from it, in whole trainings."""
    if recipes < 2:
        return 0.0
    return recipes * FIRST + 2 * (1 - FIRST) - 1


@dataclass(frozen=True)
class Outcome:
    """The result of a race.

    Attributes:
        recipe: the name of the one that was chosen.
        folder: the state of its training on the trials as they were given.
        sentence: what was chosen, and by how much.
    """

    recipe: str
    folder: Path
    sentence: str


def check_recipes(model: str, asked: Sequence[str], known: Mapping[str, Recipe]) -> None:
    """Refuse recipes that a model does not have.

    Raises:
        ModelError: with the nearest that it has.
    """
    for name in asked:
        if name not in known:
            what = nearest(name, known) if known else f"{model} has none to race."
            raise ModelError(f"training.recipes has {name!r}: {what}")


def settle(
    model: Racer,
    trials: TrialSet,
    validation: TrialSet,
    folder: Path,
    resume: bool,
    report: ProgressReport,
) -> str:
    """Race the recipes a model asks for, and give it the settings of the one that wins.

    The state of the winner's training is put into the folder, for the model to go on from.

    Returns:
        A sentence on what was chosen.
    """
    where, recipes = folder / "race", {k: model.recipes[k] for k in model.training.recipes}
    if not resume:
        # what follows goes on from the winner's state: nothing of an earlier fit may be found there
        for earlier in (where, folder / REFIT):
            shutil.rmtree(earlier, ignore_errors=True)
        (folder / CHECKPOINT).unlink(missing_ok=True)
    outcome = race(model, recipes, trials, validation, where, report)
    model.set_params(**recipes[outcome.recipe], training__recipes=())
    if not (folder / CHECKPOINT).exists():
        shutil.copy(outcome.folder / CHECKPOINT, folder / CHECKPOINT)
    return outcome.sentence


def race(
    model: Racer,
    recipes: Mapping[str, Recipe],
    trials: TrialSet,
    validation: TrialSet,
    folder: Path,
    report: ProgressReport,
) -> Outcome:
    """Choose among recipes by how well they predict validation trials early in training.

    All are trained for a tenth of the budget, then the first and the best of the others to its end:
    with six recipes as much as 1.4 further trainings. The first is replaced only by a recipe that
    is ahead of it by more than the standard error of the difference over the same validation
    trials, so that noise does not choose; where there are fewer than 200 trials, all begin on two
    splits, half as long on each. Recipes that the other settings do not allow are left out.

    Args:
        model: not fitted; gives all other settings.
        recipes: name → settings that differ; at least one.
        trials, validation: those to learn from and those to choose on.
        folder: for the state of each training; what is there is gone on with.
        report: called after each validation.

    Raises:
        ModelError: where the settings do not allow the first recipe.
    """
    parts = _splits(trials, validation, model.seed)
    entrants, unfit = _entrants(model, recipes, trials, folder)
    first, *others = entrants
    started = {each.name: each.advance(parts, FIRST / len(parts), report) for each in entrants}
    if not others:
        sentence = f"recipe: {first.name}, the only one{unfit}."
        return Outcome(first.name, first.folder / "split0", sentence)
    rival = max(others, key=lambda each: float(started[each.name].sum()))
    own, other = (each.advance(parts[:1], 1.0, report) for each in (first, rival))
    ahead, error = paired(other - own)
    chosen = rival if ahead > LEAST_RATIO * error else first
    behind = [each.name for each in others if each is not rival]
    best, last, by = (rival, first, ahead) if ahead > 0 else (first, rival, -ahead)
    sentence = (
        f"recipe: {chosen.name}; {best.name} ahead of {last.name} by {by:.4f} ± {error:.4f} bits "
        f"per spike on {len(own)} validation trials"
        + (f", {rival.name} early on of {', '.join(behind)}" if behind else "")
        + f"{unfit}."
    )
    return Outcome(chosen.name, chosen.folder / "split0", sentence)


def _entrants(
    model: Racer, recipes: Mapping[str, Recipe], trials: TrialSet, folder: Path
) -> tuple[list[Entrant], str]:
    """Return the recipes that the other settings allow, and words on those they do not."""
    entrants, unfit = list[Entrant](), list[str]()
    for name, recipe in recipes.items():
        try:
            raced = _short(model.copy(**recipe))
            raced.check_fit(trials)
        except ModelError:
            if not entrants:
                raise
            unfit.append(name)
        else:
            entrants.append(Entrant(name, raced, folder / name))
    return entrants, f"; not with these settings: {', '.join(unfit)}" if unfit else ""


def paired(differences: np.ndarray) -> tuple[float, float]:
    """Sum of differences by trial, and its standard error."""
    n = len(differences)
    spread = float(differences.std(ddof=1)) if n > 1 else float("inf")
    return float(differences.sum()), spread * n**0.5


def _splits(trials: TrialSet, validation: TrialSet, seed: int) -> list[Parts]:
    """Return the parts as given, and others of the same sizes where there are few trials."""
    parts = [(trials, validation)]
    together = len(trials) + len(validation)
    if together < FEW_TRIALS:
        everyone, share = join_trials(trials, validation), len(validation) / together
        for k in range(1, SPLITS):
            parts.append(split_validation(everyone, share, seed=seed + k))
    return parts


def _short(model: Racer) -> Racer:
    """Return the model as it trains in a race: once, with the epoch chosen."""
    training: Training = replace(model.training, recipes=(), refit=False, keep="best")
    return model.set_params(training=training)
