"""`undertow tune`: settings searched on validation trials, and the model fitted under the best."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, resumable, say
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading
from undertow.cli.searching import Searching

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.experiments import Search, TuneResult
    from undertow.models import Estimator, SearchSpace

SHOWN = 5
"""Trials that are printed, the best ones."""


@guarded
@options.grouped()
def tune(
    data: options.Data,
    searching: Searching,
    computing: options.Computing,
    reading: Reading,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="A new directory for the results.")
    ] = None,
    model: options.Model = None,
    dynamics: options.Dynamics = None,
    preset: options.Preset = None,
    heldout: options.Heldout = None,
    folds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Search on each of N folds; one 70/15/15 split by default."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Decides settings drawn, weights, noise and batches; 0 by default.",
        ),
    ] = None,
    split_seed: options.SplitSeed = None,
    setting: options.Setting = None,
    figures: options.Figures = None,
    resume: Annotated[bool, options.flag("--resume", "Go on with the search in DIR.")] = False,
    quiet: options.Quiet = False,
    dry_run: Annotated[
        bool,
        options.flag("--dry-run", "Say what would be searched, and its time; write nothing."),
    ] = False,
) -> None:
    """Search settings of a model on validation trials; fit it under the best, as `fit` does.

    Settings given by --set stay as they are. Writes to DIR what `fit` writes, tune.json and
    trials.csv.
    """
    given: dict[str, Any] = {"out": out, "model": model, "dynamics": dynamics, "preset": preset}
    given |= {"heldout": heldout, "folds": folds, "seed": seed, "split_seed": split_seed}
    given |= {"figures": figures, **vars(computing)}
    plan = Plan.resolve(given, setting or [], reading=reading)
    plan.computing.begin()
    estimator, search = plan.build_model(), searching.options(plan.seed or 0)
    space, _ = searching.varied(estimator, set(plan.set)), plan.figure_kinds()
    if dry_run:
        _say_cost(plan, data, estimator, search, space)
        return
    directory, trials = plan.directory(), plan.read(data)
    if not quiet:
        what = f"{estimator.cli_name}, {search.samples} samples ({search.kind})"
        say(f"{what}: {trials!r} from {data.name}")
    read = [trials]
    del trials  # `_run` takes the last reference out of `read`
    with resumable(directory):
        _show(_run(plan, read, estimator, search, space, plan.source(data), resume, quiet))


def _run(
    plan: Plan,
    read: "list[TrialSet]",
    model: "Estimator",
    search: "Search",
    space: "SearchSpace | None",
    source: dict[str, Any],
    resume: bool,
    quiet: bool,
) -> "TuneResult":
    """Search and fit; the trials are taken out of `read` and kept nowhere."""
    from undertow.experiments import tune as tune_model
    from undertow.training import Progress

    return tune_model(
        read.pop(),
        model,
        plan.directory(),
        search,
        space,
        folds=plan.folds,
        split_seed=plan.split_seed,
        resume=resume,
        progress=None if quiet else Progress(),
        source=source,
        say=None if quiet else say,
        figures=plan.figure_kinds(),
        verbose=not quiet,
    )


def _show(done: "TuneResult") -> None:
    """Print the best trials, the scores on the test trials, and where everything lies."""
    for run, found in zip(done.runs, done.searches, strict=True):
        heads, rows = found.table()
        show.table(heads, rows[:SHOWN])
        show.line(found.sentence())
        show.line(f"search: {found.processor_s:.1f} s of processor time in all")
        show.line(f"trials: {run.directory / 'trials.csv'}")
    if len(done.runs) == 1:
        show.result(done.runs[0])
        return
    show.scores(done.table)
    for run in done.runs:
        show.line(f"report: {run.report}")


def _say_cost(
    plan: Plan,
    data: Path,
    model: "Estimator",
    search: "Search",
    space: "SearchSpace | None",
) -> None:
    """Print what would be searched, and how long it takes at most; nothing is written."""
    from undertow.data import fold_splits, split_trials
    from undertow.experiments import estimate
    from undertow.experiments.search import checked_space
    from undertow.experiments.search.result import dotted
    from undertow.models.parameters import one_line

    trials = plan.read(data)
    if plan.folds is None:
        first = split_trials(trials, seed=plan.split_seed)
    else:
        first = fold_splits(trials, plan.folds, plan.split_seed)[0]
    searched = checked_space(model, space, search, first.validation)
    cost, fits = estimate(model, first), search.samples * (plan.folds or 1)
    facts: dict[str, Any] = {"trials": trials, "model": repr(model)}
    facts["results"] = plan.out or "not given (--out DIR)"
    facts |= {dotted(name): one_line(held) for name, held in searched.items()}
    each = show.duration(cost.seconds)
    time = f"{fits} trainings × at most about {each}, divided by --workers"
    show.facts({**facts, "time": time})
