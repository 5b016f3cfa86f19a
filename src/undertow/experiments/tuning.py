"""`tune`: search the settings of a model, fit it under the best, and report both."""

import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from undertow.data import Splits, TrialSet, fold_splits, split_trials
from undertow.errors import UndertowError
from undertow.experiments.fitting import noted
from undertow.experiments.identity import identity, run_directory, settings_of, split_ids
from undertow.experiments.scores import FILE as SCORES
from undertow.experiments.scores import ScoreTable, score_table, write_scores
from undertow.experiments.search.options import Search, SearchKind
from undertow.experiments.search.result import SearchResult, space_table
from undertow.experiments.search.searching import checked_space, search
from undertow.experiments.search.trial import Trial, checkpoint_of
from undertow.experiments.single_run import CHECKPOINT, MODEL, Run, RunResult
from undertow.files import plain, written_whole
from undertow.models.base import Estimator, ProgressReport
from undertow.models.search_space import SearchSpace
from undertow.models.trained import TrainedModel
from undertow.report import check_kinds
from undertow.training import reporter, teller
from undertow.training.kept_state import CHECKPOINT as STATE

FOLDER = "search"


@dataclass(frozen=True, eq=False)
class TuneResult:
    """The result of a search and of the fits that followed it.

    Attributes:
        directory: where everything lies.
        runs: the run under the best settings; of a cross-validation one for each fold.
        searches: what was tried, beside each run.
        table: scores on the test trials; of a cross-validation means over its folds.
    """

    directory: Path
    runs: Sequence[RunResult]
    searches: Sequence[SearchResult]
    table: ScoreTable

    @property
    def model(self) -> Estimator:
        """The fitted model, of the first fold where there are several."""
        return self.runs[0].model

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that were found, of the first fold where there are several."""
        return self.searches[0].settings


def tune(
    trials: TrialSet,
    model: Estimator,
    out: str | Path,
    search: Search | SearchKind = "random",
    space: SearchSpace | None = None,
    *,
    folds: int | None = None,
    split_seed: int = 0,
    resume: bool = False,
    progress: ProgressReport | None = None,
    source: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
    figures: Collection[str] = ("png",),
    verbose: bool = True,
) -> TuneResult:
    """Search the settings of a model on validation trials, then fit and score it as `run` does.

    Only training and validation trials are searched on; the test trials are scored once, by the
    model under the settings that were chosen. Under 'pbt' that model is the one the population
    trained, with the weights it ended with; else the model is fitted under these settings.

    Args:
        trials: all trials, held-out neurons marked.
        model: not fitted; it gives every setting that is not searched.
        out: a new or empty directory; gets what `run` writes, tune.json and trials.csv.
        search: how settings are searched; a `Search`, or its kind alone.
        space: what is varied; by default the model's `search_space`.
        folds: cross-validate: search on each fold's own trials, and fit and score it in `out`/fold0
            and so on; by default there is one split, as in `run`.
        split_seed: of the split or the folds.
        resume: go on with the same search in `out`: trials that ended are kept, those under way go
            on from their checkpoints.
        progress: of the trainings that run in this process, as in `model.fit`.
        source, say, figures, verbose: as in `run`; `say` hears of each trial, too.

    Raises:
        UndertowError: as `run`; without Ray, where it is needed; where every trial fails.
        ModelError: for a space, or a kind of search, that the model or the trials do not allow.
        Interrupted: on Ctrl-C, after the state was saved.
    """
    check_kinds(figures)
    options = Search(search) if isinstance(search, str) else search
    out, tell = Path(out), teller(say, verbose)
    with noted() as said:
        parts = _parts(trials, folds, split_seed)
    first = parts[0]
    searched = checked_space(model, space, options, first.validation)
    about = {"split_seed": split_seed, "source": source or {}, "notes": said}
    tuner = Tuner(
        model, options, searched, about, reporter(progress, verbose), tell, figures, resume
    )
    if folds is not None:
        return tuner.by_fold(trials, parts, out)
    what = tuner.identity(trials, {"split": split_ids(first)})
    del trials, parts  # the split is a copy
    run, found = tuner.on_split(first, what, out)
    if say is None:
        tell(run.summary())
    return TuneResult(out, [run], [found], run.table)


def _parts(trials: TrialSet, folds: int | None, split_seed: int) -> Sequence[Splits]:
    if folds is None:
        return [split_trials(trials, seed=split_seed)]
    return fold_splits(trials, folds, split_seed)


@dataclass(frozen=True, eq=False)
class Tuner:
    """A search and the fit that follows it, on one split or on one after the other.

    Attributes:
        model, options, space: of the search.
        about: 'split_seed', 'source' and 'notes' of the run.
        progress, tell, figures, resume: as in `Run`.
    """

    model: Estimator
    options: Search
    space: SearchSpace
    about: Mapping[str, Any]
    progress: ProgressReport
    tell: Callable[[str], None]
    figures: Collection[str]
    resume: bool

    def identity(
        self, trials: TrialSet, splits: Mapping[str, Mapping[str, np.ndarray]]
    ) -> dict[str, Any]:
        """What makes two searches the same: where and how fast they run does not."""
        options = self.options
        search = {
            "kind": options.kind,
            "samples": options.samples,
            "seed": options.seed,
            "slices": options.parts,
            "space": plain(space_table(self.space)),
        }
        what = identity(self.model, trials, splits, self.about["split_seed"])
        return {**what, "search": search}

    def on_split(
        self, splits: Splits, what: Mapping[str, Any], out: Path
    ) -> tuple[RunResult, SearchResult]:
        """Search, fit and report one split in `out`."""
        with run_directory(out, what, self.resume, self.about["source"]):
            folder = out / FOLDER
            found = search(
                self.model,
                splits.train,
                splits.validation,
                self.options,
                self.space,
                folder,
                self._hear,
                self.progress,
            )
            self.tell(found.sentence())
            found.write(out, {"search": what["search"], "source": self.about["source"]})
            chosen = chosen_model(self.model, found)
            put_checkpoint(chosen, found, folder, out / CHECKPOINT)
            about = {**what, "settings": settings_of(chosen), "source": self.about["source"]}
            notes = [found.sentence(), *self.about["notes"]]
            run = Run(out, about, notes, True, self.progress, self.tell, self.figures, found)
            done = run.carry_out(chosen, splits)
            for trial in found.trials:  # only now: until the model is saved, they are needed
                shutil.rmtree(checkpoint_of(folder, trial), ignore_errors=True)
        return done, found

    def by_fold(self, trials: TrialSet, parts: Sequence[Splits], out: Path) -> TuneResult:
        """Search, fit and report each fold in a folder of its own; scores are means over them."""
        names = {f"fold{k}": split_ids(splits) for k, splits in enumerate(parts)}
        what, done = self.identity(trials, names), []
        with run_directory(out, what, self.resume, self.about["source"]):
            for k, (name, ids) in enumerate(names.items()):
                self.tell(f"{name} of {len(parts)}")
                own = self.identity(trials, {"split": ids})
                done.append(self.on_split(parts[k], own, out / name))
            runs, searches = [run for run, _ in done], [found for _, found in done]
            cells = {name: [[run.statistics[name]] for run in runs] for name in runs[0].statistics}
            table = score_table(cells)
            about = {**what, "source": self.about["source"], "notes": self.about["notes"]}
            write_scores(out / SCORES, table, about)
        return TuneResult(out, runs, searches, table)

    def _hear(self, trial: Trial, done: int, total: int) -> None:
        """Say how a trial ended, or how a population stands after a slice."""
        if self.options.kind == "pbt":
            self.tell(f"slice {done} of {total}, best so far {trial.words()}")
        else:
            self.tell(f"{trial.words()} ({done} of {total})")


def chosen_model(model: Estimator, found: SearchResult) -> Estimator:
    """The model under the settings that a search chose, not fitted.

    One that a population trained is not trained again: its settings changed on the way.
    """
    once = {"training__refit": False} if found.kind == "pbt" else {}
    return model.copy(**found.settings, **once)


def put_checkpoint(chosen: Estimator, found: SearchResult, folder: Path, target: Path) -> None:
    """Let a fit go on from where the chosen trial's training ended.

    Nothing is done for models that are fitted anew, and where the fit has begun.

    Raises:
        UndertowError: where the weights of a population are lost.
    """
    state = checkpoint_of(folder, found.best) / STATE
    if not isinstance(chosen, TrainedModel) or (target / STATE).exists():
        return
    if chosen.training.refit and chosen.training.keep == "last":
        return  # its one training is on validation trials, too
    if state.exists():
        target.mkdir(exist_ok=True)
        with written_whole(target / STATE) as temporary:
            shutil.copy(state, temporary)
    elif found.kind == "pbt" and not (target.parent / MODEL).exists():
        raise UndertowError(
            f"{state} is not there, and the weights of the population cannot be made again: search "
            "anew in another directory."
        )
