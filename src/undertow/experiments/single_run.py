"""One run: split → fit → predict → score beside the baseline → scores.json, model file, report."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from undertow.baselines import Smoothing
from undertow.data import Splits, TrialSet, join_trials, split_trials
from undertow.evaluation import Statistic
from undertow.experiments.fitting import Fitted, fit_and_predict, load_and_predict, noted
from undertow.experiments.identity import identity, run_directory, split_ids
from undertow.experiments.reporting import report_run
from undertow.experiments.scores import FILE as SCORES
from undertow.experiments.scores import (
    ScoreTable,
    score_table,
    score_warnings,
    true_rate_cells,
    write_scores,
)
from undertow.experiments.search.result import SearchResult
from undertow.experiments.together import CHECKPOINT, led
from undertow.experiments.workers import Workers
from undertow.memory import give_back
from undertow.models.base import Estimator, ProgressReport
from undertow.report import check_kinds
from undertow.training import clock, reporter, teller

MODEL = "model.safetensors"


@dataclass(frozen=True, eq=False)
class RunResult:
    """The result of one run.

    Attributes:
        directory: where everything lies.
        model: the fitted model.
        table: its scores on the test trials, the baseline's, and the paired differences.
        fit_s: seconds the fit took.
        report: the HTML page.
        scored_s: seconds that predictions, scores and report took.
        statistics: model → score name → the per-trial sums behind it.
    """

    directory: Path
    model: Estimator
    table: ScoreTable
    fit_s: float
    report: Path
    scored_s: float = float("nan")
    statistics: Mapping[str, Mapping[str, Statistic]] = field(default_factory=dict)

    def summary(self) -> str:
        """Say in a line what the model scores, what took how long, and where the report lies."""
        name = self.model.cli_name
        scores = [f"{each.name} {each.value:.3f}" for each in self.table.scores[name].values()]
        took = f"{clock(self.fit_s)} of training, {clock(self.scored_s)} of scores and report"
        return f"{name}: {', '.join([*scores[:1], took])}; report: {self.report}"


def run(
    trials: TrialSet,
    model: Estimator,
    out: str | Path,
    split_seed: int = 0,
    resume: bool = False,
    progress: ProgressReport | None = None,
    source: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
    figures: Collection[str] = ("png",),
    verbose: bool = True,
    helped: bool = False,
    workers: Workers | None = None,
) -> RunResult:
    """Fit `model` on the training trials and score it on the test trials.

    Gaussian smoothing stands beside it where bins are regular.

    The split is the file's own (`trials.split`) or a stratified 70/15/15 drawn with `split_seed`.

    Args:
        trials: all trials, held-out neurons marked.
        model: not fitted yet.
        out: a new or empty directory; gets run.json, checkpoint/, model.safetensors, scores.json
            and the report.
        split_seed: of the split.
        resume: go on with the same run in `out`, from its last checkpoint.
        progress: as in `model.fit`.
        say: called with one line before each longer step after the fit; by default they are
            printed on a terminal or in a notebook, with one at the end.
        source: where the trials came from, kept in run.json and shown in the report ('path' and
            reading options).
        figures: kinds of files in figures/: 'png', 'svg', 'pdf'.
        verbose: False for silence where neither `progress` nor `say` is given.
        helped: whether other processes, that `torchrun` has started and that call `help_run`, train
            the model together with this one.
        workers: processes of Ray that train it together in this one's place.

    Raises:
        UndertowError: when `out` is not empty and `resume` is False, or holds another run; and for
            settings the model refuses. Nothing is written then.
        Interrupted: on Ctrl-C, after the state was saved.
    """
    check_kinds(figures)
    out, source, tell = Path(out), source or {}, teller(say, verbose)
    with noted() as said:
        splits = split_trials(trials, seed=split_seed)
    what = identity(model, trials, {"split": split_ids(splits)}, split_seed)
    # the parts are a copy: of a large recording the whole goes, where the caller lets it go too
    del trials
    about = {**what, "source": source}
    carrying = Run(out, about, said, resume, reporter(progress, verbose), tell, figures)
    carrying = replace(carrying, helped=helped, workers=workers)
    with run_directory(out, what, resume, source):
        result = carrying.carry_out(model, splits)
    if say is None:
        tell(result.summary())
    return result


@dataclass(frozen=True, eq=False)
class Run:
    """How a run is carried out, once its directory is held.

    Attributes:
        out: the directory.
        about: identity of the run, and its source.
        notes: what the report says first.
        resume: go on from what is in the directory.
        progress: of the fit.
        tell: called with one line before each longer step.
        figures: kinds of files in figures/.
        search: by which the model's settings were found; None where they were given.
        helped: whether other processes train the model together with this one.
        workers: processes of Ray that train it together in this one's place.
    """

    out: Path
    about: Mapping[str, Any]
    notes: Sequence[str]
    resume: bool
    progress: ProgressReport
    tell: Callable[[str], None]
    figures: Collection[str]
    search: SearchResult | None = None
    helped: bool = False
    workers: Workers | None = None

    def carry_out(self, model: Estimator, splits: Splits) -> RunResult:
        """Fit, score beside the baseline, and write model, scores and report."""
        options = (self.resume, self.progress, self.helped, self.workers)
        done = fit_or_load(model, splits, self.out, *options)
        fitted_at = time.monotonic()
        # rates of all training trials are large: those of one model are held at a time
        fits, found = {}, {}
        fits[model.cli_name], found[model.cli_name] = done.scored()
        del done
        give_back()
        if has_baseline(model, splits.train):
            self.tell("fitting the smoothing baseline")
            baseline = fit_and_predict(Smoothing(), splits)
            fits[Smoothing.cli_name], found[Smoothing.cli_name] = baseline.scored()
            del baseline
            give_back()
        self.tell("scoring")
        cells = {name: [[each]] for name, each in found.items()}
        together = join_trials(splits.train, splits.validation)
        table = score_table(cells | true_rate_cells([(together, splits.test)]))
        page = self._written(fits, table, splits)
        fitted = fits[model.cli_name]
        scored_s = time.monotonic() - fitted_at
        return RunResult(self.out, fitted.model, table, fitted.fit_s, page, scored_s, found)

    def _written(self, fits: Mapping[str, Fitted], table: ScoreTable, splits: Splits) -> Path:
        """Write scores and report; the path of its page."""
        name, fitted = next(iter(fits.items()))
        warned = score_warnings(table.scores[name])
        for words in warned:
            self.tell(f"warning: {words}")
        notes = [*self.notes, *fitted.notes, *warned]
        about = {**self.about, **fit_facts(fitted, splits), "notes": notes}
        write_scores(self.out / SCORES, table, about)
        self.tell("writing the report")
        beside = fits.get(Smoothing.cli_name) if len(fits) > 1 else None
        return report_run(self.out, fitted, beside, table, about, self.figures, self.search)


def has_baseline(model: Estimator, trials: TrialSet) -> bool:
    """Whether Gaussian smoothing is fitted beside the model.

    The model must not be smoothing itself, and bins must be regular.
    """
    return not isinstance(model, Smoothing) and trials.times is None


def fit_facts(fitted: Fitted, splits: Splits) -> dict[str, Any]:
    """Sizes of the parts, seconds and validation score of a fit, as scores.json holds them."""
    sizes = {part: each.n_trials for part, each in splits._asdict().items()}
    return {
        "sizes": sizes,
        "fit_s": fitted.fit_s,
        "validation_score": fitted.model.validation_score_,
    }


def fit_or_load(
    model: Estimator,
    splits: Splits,
    out: Path,
    resume: bool,
    progress: ProgressReport | None,
    helped: bool = False,
    workers: Workers | None = None,
) -> Fitted:
    """Fit and save in `out`, alone or with others; see `run`.

    A resumed run that has already saved its model only predicts again.
    """
    path, checkpoint = out / MODEL, out / CHECKPOINT
    there = resume and path.exists()
    if workers is not None and not there:
        from undertow.experiments.workers.ray_train import fit_on_ray

        fit_on_ray(model, splits, path, workers, checkpoint, resume)
        there = True
    options = {"checkpoint": checkpoint, "resume": resume, "progress": progress}
    return led(
        lambda: (
            load_and_predict(model, splits, path)
            if there
            else fit_and_predict(model, splits, path, **options)
        ),
        needed=not there,
        helped=helped,
    )
