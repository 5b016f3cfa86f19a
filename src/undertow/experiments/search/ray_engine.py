"""Trials of a search on Ray Tune: at random, by successive halving, or as a population.

This module needs Ray.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler, PopulationBasedTraining, TrialScheduler
from ray.tune.search.basic_variant import BasicVariantGenerator

from undertow.errors import UndertowError
from undertow.experiments.search.options import Search
from undertow.experiments.search.ray_trainable import SCORE, SLICE, TURN, SlicedTraining
from undertow.experiments.search.training import Task
from undertow.experiments.search.trial import Trial, read_trial, trial_name, write_trial
from undertow.experiments.workers.ray_session import gpus_of
from undertow.models.search_space import SearchSpace, perturbed_settings

Report = Callable[[Trial, int, int], None]
REDUCTION = 3
"""One of so many trials goes on after each rung of successive halving."""
QUARTER = 0.25
"""Of a population: so many copy, and so many are copied."""
KEPT_CHECKPOINTS, TRIES = 4, 2
"""Copies that Ray keeps of a trial's state; times a trial is begun again whose worker died."""


def train_on_ray(
    task: Task,
    trials: Sequence[Trial],
    options: Search,
    space: SearchSpace,
    report: Report,
    storage: Path,
) -> list[Trial]:
    """Train the trials of a search that have not ended, on a Ray that is connected.

    Args:
        task: what they share.
        trials: by number, those that ended among them.
        options: of the search.
        space: what 'pbt' perturbs.
        report: called after each trial with it, the number done and the number in all; of 'pbt'
            after each slice of the whole population, with the best so far, that slice and their
            number.
        storage: folder for what Ray writes.

    Returns:
        All trials, by number.

    Raises:
        UndertowError: where Ray breaks off.
    """
    # halving compares with trials that ended, too: they say again what they scored
    todo = [each for each in trials if options.kind == "asha" or not each.ended]
    watch = Watch(task, trials, options.kind, report)
    try:
        _tuner(task, trials, todo, options, space, watch, storage).fit()
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UndertowError(f"the search on Ray broke off: {first}") from error
    return [read_trial(task.place(each.number)) or each for each in trials]


def _tuner(
    task: Task,
    trials: Sequence[Trial],
    todo: Sequence[Trial],
    options: Search,
    space: SearchSpace,
    watch: "Watch",
    storage: Path,
) -> tune.Tuner:
    shared = {"task": task, "starts": {each.number: each for each in trials}, "kind": options.kind}
    trainable = tune.with_parameters(SlicedTraining, **shared)
    return tune.Tuner(
        tune.with_resources(trainable, _resources(task, options)),
        param_space={"number": tune.grid_search([each.number for each in todo])},
        tune_config=tune.TuneConfig(
            metric=SCORE,
            mode="max",
            # of a population every member must be under way: as many train as there is room for
            search_alg=Members(len(todo), 0 if options.kind == "pbt" else options.workers or 0),
            scheduler=_scheduler(task, trials, options, space),
            reuse_actors=True,
            trial_name_creator=_name,
            trial_dirname_creator=_name,
        ),
        run_config=tune.RunConfig(
            name="search",
            storage_path=str(storage),
            verbose=0,
            callbacks=[watch],
            checkpoint_config=tune.CheckpointConfig(num_to_keep=KEPT_CHECKPOINTS),
            failure_config=tune.FailureConfig(max_failures=TRIES),
        ),
    )


def _unheard(trial: Trial, done: int, total: int) -> None:
    """Say nothing."""


def _name(trial: Any) -> str:
    """Name of a trial of Ray: that of its folder; asked once, before it is copied from others."""
    return trial_name(trial.config["number"])


def _resources(task: Task, options: Search) -> dict[str, float]:
    """What a training takes: a processor, and its share of the GPUs where it computes on one."""
    gpus, workers = gpus_of(task.model), options.workers or 1
    return {"cpu": 1} | ({"gpu": min(1.0, gpus / workers)} if gpus else {})


# --- who goes on ---------------------------------------------------------------------------------


def _scheduler(
    task: Task, trials: Sequence[Trial], options: Search, space: SearchSpace
) -> TrialScheduler | None:
    """What decides who goes on; None lets every trial train to its end."""
    if options.kind == "asha":
        return ASHAScheduler(
            time_attr=SLICE, max_t=max(task.slices, 1), grace_period=1, reduction_factor=REDUCTION
        )
    if options.kind == "pbt":
        return PopulationBasedTraining(
            time_attr=TURN,
            perturbation_interval=1,
            quantile_fraction=QUARTER,
            custom_explore_fn=Explore(space, trials, options.seed),
            log_config=False,
            synch=True,  # compared at the same slice: who is merely late is not replaced
        )
    return None


class Members(BasicVariantGenerator):  # type: ignore[misc, unused-ignore]
    """Trials as they are given; more are to be expected as long as one of them trains.

    Ray ends the processes of paused trials once it expects no more, and a population would wait for
    new ones after each slice.

    Args:
        size: number of trials.
        at_once: how many may train at a time; 0 for as many as there is room for.
    """

    def __init__(self, size: int, at_once: int) -> None:
        super().__init__(max_concurrent=at_once)
        self.left = size

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Count those that are left."""
        super().on_trial_complete(trial_id, result, error)
        self.left -= 1

    def is_finished(self) -> bool:
        """Whether all have ended."""
        return self.left <= 0 and bool(super().is_finished())


class Explore:
    """The settings under which a copy goes on: near those of the trial it was copied from.

    Args:
        space: what is perturbed.
        trials: where they start.
        seed: of the search.
    """

    def __init__(self, space: SearchSpace, trials: Sequence[Trial], seed: int) -> None:
        self.space, self.seed = space, seed
        self.starts = {each.number: each.settings for each in trials}
        # a search that goes on must not draw again what it drew
        self.drawn = sum(each.lineage for each in trials)

    def __call__(self, config: dict[str, Any]) -> dict[str, Any]:
        """Draw the settings of a copy; `config` is that of the one it was copied from."""
        self.drawn += 1
        settings: Mapping[str, Any] = config.get("settings") or self.starts[config["number"]]
        near = perturbed_settings(self.space, settings, (self.seed, 0, self.drawn))
        return {**config, "settings": near}


class Watch(tune.Callback):  # type: ignore[misc, unused-ignore]
    """What this process hears of the trials: it notes who was stopped, and says how they stand.

    Args:
        task, trials: the search, and where its trials stand before it goes on.
        kind: of the search.
        report: see `train_on_ray`.
    """

    def __init__(self, task: Task, trials: Sequence[Trial], kind: str, report: Report) -> None:
        self.task, self.kind, self.report = task, kind, report
        self.all, self.said = len(trials), 0
        self.ended = set() if kind == "asha" else {each.number for each in trials if each.ended}
        self.slices = {each.number: 0 for each in trials}
        self.best: Trial | None = None

    def __getstate__(self) -> dict[str, Any]:
        """All but who is told: Ray keeps a copy, and streams cannot be copied."""
        return {**vars(self), "report": _unheard}

    def on_trial_result(
        self, iteration: int, trials: list[Any], trial: Any, result: dict[str, Any], **info: Any
    ) -> None:
        """Say how a population stands after each slice of all."""
        if self.kind != "pbt":
            return
        found = self._read(trial)
        self.slices[found.number] = result[SLICE]
        if found.best and (self.best is None or found.score > self.best.score):
            self.best = found
        slowest = min(self.slices.values())
        if self.best is not None and slowest > self.said:
            self.said = slowest
            self.report(self.best, slowest, self.task.slices)

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note that a trial was stopped on its way; say how it ended."""
        found = self._read(trial)
        if found.state == "running":
            found = replace(found, state="stopped")
            write_trial(self.task.place(found.number), found)
        self._ended(found)

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        """Note that Ray gave a trial up.

        Raises:
            UndertowError: of a population, whose other members would wait for this one.
        """
        error = "its worker died, and died again when it was begun anew"
        found = replace(self._read(trial), state="failed", error=error)
        write_trial(self.task.place(found.number), found)
        if self.kind == "pbt":
            raise UndertowError(f"trial {found.number}: {error}.")  # the others would wait for it
        self._ended(found)

    def _ended(self, found: Trial) -> None:
        self.ended.add(found.number)
        if self.kind != "pbt":
            self.report(found, len(self.ended), self.all)

    def _read(self, trial: Any) -> Trial:
        number = int(str(trial).removeprefix("trial"))
        return read_trial(self.task.place(number)) or Trial(number, {})
