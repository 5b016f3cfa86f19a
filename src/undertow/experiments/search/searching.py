"""Searching settings of a model on its validation trials, on this machine or on Ray."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from undertow.data import TrialSet
from undertow.errors import ModelError, UndertowError
from undertow.experiments.search.local import run_at_once, run_here
from undertow.experiments.search.options import Search
from undertow.experiments.search.result import SearchResult, dotted
from undertow.experiments.search.training import Task, once
from undertow.experiments.search.trial import Trial
from undertow.experiments.workers.ray_session import gpus_of, ray_session
from undertow.models.base import Estimator, ProgressReport
from undertow.models.many import VARIED, check_alike
from undertow.models.search_space import SearchSpace, check_space, sampled_settings
from undertow.models.trained import TrainedModel
from undertow.names import listed
from undertow.training import silent

Report = Callable[[Trial, int, int], None]
NO_RAY = (
    "Ray is not installed, and {kind} runs on it: `pip install 'undertow[tune]'` brings it, or "
    "search at random with engine 'local'."
)


def random_search(
    model: Estimator,
    train: TrialSet,
    validation: TrialSet,
    samples: int = 20,
    seed: int = 0,
    space: SearchSpace | None = None,
    *,
    workers: int = 1,
    folder: Path | None = None,
    report: Report | None = None,
) -> SearchResult:
    """Train a model under settings drawn at random, and say which score best on validation trials.

    The settings are those that a search on Ray tries with the same seed. Nothing is fitted for use:
    `model.copy(**result.settings)` is what to fit. `result.processor_s`, and that of each trial,
    is what it cost.

    Args:
        model: not fitted.
        train, validation: trials to learn from and to compare on.
        samples: settings that are tried, at most; the first are the model's as it is.
        seed: of the settings drawn.
        space: what is varied; by default the model's `search_space`.
        workers: processes, each with one thread; 1 runs in this process.
        folder: for the state of each trial, where it goes on from when it is searched again; by
            default nothing is kept.
        report: called after each trial with it, the number done and the number in all.

    Raises:
        ModelError: for a space that the model cannot be searched over.
        UndertowError: where every trial fails.
    """
    options = Search("random", samples, seed, "local", workers)
    searched = checked_space(model, space, options, validation)
    with ExitStack() as stack:
        where = folder or Path(stack.enter_context(TemporaryDirectory()))
        found = search(model, train, validation, options, searched, where, report)
        _ = found.best
    return found


def search(
    model: Estimator,
    train: TrialSet,
    validation: TrialSet,
    options: Search,
    space: SearchSpace,
    folder: Path,
    report: Report | None = None,
    progress: ProgressReport = silent,
) -> SearchResult:
    """Try settings of a model as `options` say; a search that was begun in the folder goes on.

    Args:
        model: not fitted.
        train, validation: trials to learn from and to compare on; no others reach a worker.
        options: how settings are searched.
        space: as `checked_space` returns it.
        folder: for the state of each trial.
        report: called after each trial with it, the number done and the number in all.
        progress: of the trainings, where they run in this process.
    """
    task = Task(once(model), train, validation, folder.resolve(), _slices(model, train, options))
    starts = _starts(model, space, options)
    # what pbt has perturbed is kept in the folders; other settings follow from the seed
    trials = [task.begun(each, kept=options.kind == "pbt") for each in starts]
    tell = report or (lambda trial, done, total: None)
    if any(not each.ended for each in trials):
        if options.on_ray:
            trials = _on_ray(task, trials, options, space, tell)
        elif options.engine == "batched":
            trials = run_at_once(task, trials, tell, progress)
        else:
            trials = run_here(task, trials, options.workers or 1, tell, progress)
    return SearchResult(options.kind, space, trials, task.slices)


def _on_ray(
    task: Task, trials: list[Trial], options: Search, space: SearchSpace, tell: Report
) -> list[Trial]:
    """Connect to Ray, whose modules are imported only then, and run the trials there."""
    data_bytes = task.train.spikes.nbytes + task.validation.spikes.nbytes
    workers, gpus = options.workers or 1, gpus_of(task.model)
    with ray_session(options.address, workers, task.folder, data_bytes, gpus) as storage:
        from undertow.experiments.search.ray_engine import train_on_ray

        return train_on_ray(task, trials, options, space, tell, storage)


def _slices(model: Estimator, train: TrialSet, options: Search) -> int:
    """Parts of a training: no more than it has epochs."""
    if not isinstance(model, TrainedModel):
        return 1
    return min(options.parts, model.training.epochs_of(train.n_trials))


def _starts(model: Estimator, space: SearchSpace, options: Search) -> list[Trial]:
    """The trials before they begin."""
    drawn = sampled_settings(space, model.get_params(), options.samples, options.seed)
    pbt = options.kind == "pbt"
    return [
        Trial(number, settings, schedule=[(0, settings)] if pbt else [])
        for number, settings in enumerate(drawn)
    ]


# --- what can be searched ------------------------------------------------------------------------


def checked_space(
    model: Estimator, space: SearchSpace | None, options: Search, trials: TrialSet
) -> SearchSpace:
    """What is varied, once it is found that the model, the search and the trials allow it.

    Args:
        model: not fitted.
        space: what was asked for; None for the model's own, as far as they allow it.
        options: how settings are searched.
        trials: those to compare on.

    Raises:
        ModelError: for a model that this search cannot train, a setting that must stay as it is,
            or a value that the model refuses.
        UndertowError: without Ray, where it is needed.
    """
    if options.on_ray and find_spec("ray") is None:
        raise UndertowError(NO_RAY.format(kind=options.kind))
    _check_model(model, options)
    judging = set(model.judging_settings(trials))
    movable = model.adjustable if isinstance(model, TrainedModel) else frozenset()
    if space is None:
        held = model.search_space
        chosen = {name: each for name, each in held.items() if name not in judging}
        if options.kind == "pbt":
            chosen = {name: each for name, each in chosen.items() if name in movable}
        if not chosen:
            raise ModelError(
                f"{model.cli_name} has no search space of its own: say what to vary "
                "(space={…}, on the command line --space), or fit it as it is."
            )
    else:
        check_space(space)
        chosen = dict(space)
        _refuse(
            judging & chosen.keys(),
            "under another value the validation score would measure "
            "something else, and scores could not be compared",
        )
        if options.kind == "pbt":
            others = chosen.keys() - movable
            _refuse(others, f"pbt changes settings amid a training, which {_can(movable)}")
    _check_values(model, chosen)
    if options.engine == "batched":
        _check_batched(model, chosen)
    return chosen


def _check_batched(model: Estimator, space: SearchSpace) -> None:
    """Refuse a space whose samples are no models that can be trained at once."""
    drawn = sampled_settings(space, model.get_params(), 2, 0)
    models: Any = [once(model).copy(**settings) for settings in drawn]
    check_alike(models)
    _refuse(
        space.keys() - VARIED,
        "models that are trained at once may differ in other settings alone, see `fit_many`",
    )


def _can(movable: frozenset[str]) -> str:
    return f"only these allow: {listed(sorted(map(dotted, movable)), 20)}"


def _check_model(model: Estimator, options: Search) -> None:
    """Refuse a model that this kind of search cannot train."""
    training = model.training if isinstance(model, TrainedModel) else None
    if options.kind != "random" and training is None:
        raise ModelError(
            f"{model.cli_name} is not trained by gradients: {options.kind} compares trainings on "
            "their way; search at random (kind='random')."
        )
    if training is not None and training.recipes:
        raise ModelError(
            "training.recipes is a search of its own: leave it empty, or search what it races."
        )
    if training is not None and options.kind != "random" and training.max_seconds is not None:
        raise ModelError(
            f"training.max_seconds ends a training by the clock, and {options.kind} cuts it by "
            "epochs: leave it None."
        )


def _refuse(names: set[str], why: str) -> None:
    if names:
        raise ModelError(f"{listed(sorted(map(dotted, names)))} cannot be searched: {why}.")


def _check_values(model: Estimator, space: SearchSpace) -> None:
    """Try the bounds and choices of each setting on the model, the others as they are."""
    for name, held in space.items():
        for value in held.examples:
            changes: Mapping[str, Any] = {name: value}
            model.copy(**changes).check_settings()
