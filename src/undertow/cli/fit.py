"""`undertow fit`: from a recording to a fitted model, scores and a report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.budgeting import budgeted
from undertow.cli.errors import guarded, resumable, say
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading
from undertow.cli.sessions import fit_sessions, recordings
from undertow.cli.together import Crew

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.experiments import RunResult
    from undertow.models import Estimator


EXAMPLE = """model = "langevin-flow"
bin-ms = 20
heldout = 25
[set]
latent_dim = 32
[set.training]
epochs = 100"""
CONFIG = (
    "The same options in a TOML file; the command line wins. Options of this verb stand at its "
    "top, settings of the model under [set], those of its parts in tables of their own:\n\n"
    + EXAMPLE.replace("\n", "\n\n")
).replace("[", "\\[")  # brackets are the help's markup


@guarded
@options.grouped()
def fit(
    data: options.Recordings,
    computing: options.Computing,
    spread: options.Spreading,
    reading: Reading,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", help="A new directory for the results; required here or in --config."
        ),
    ] = None,
    model: options.Model = None,
    dynamics: options.Dynamics = None,
    preset: options.Preset = None,
    ensemble: Annotated[
        int | None,
        typer.Option(metavar="N", help="Fit N seeds of the model and average their rates."),
    ] = None,
    resample: Annotated[
        str | None,
        typer.Option(
            metavar="trials",
            help="Let each member of --ensemble learn from trials drawn with replacement.",
        ),
    ] = None,
    heldout: options.Heldout = None,
    folds: Annotated[
        int | None, typer.Option(metavar="N", help="Cross-validate; one 70/15/15 split by default.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(metavar="N", help="Decides initial weights, noise and batches; 0 by default."),
    ] = None,
    split_seed: options.SplitSeed = None,
    setting: options.Setting = None,
    figures: options.Figures = None,
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Train as long as the whole run, by estimate, then takes: 90s, 10min, 2h. What is "
            "left out for it is said.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="F.toml", help=CONFIG),
    ] = None,
    resume: Annotated[bool, options.flag("--resume", "Go on with the run in DIR.")] = False,
    quiet: options.Quiet = False,
    dry_run: Annotated[
        bool,
        options.flag(
            "--dry-run", "Say what would run, and estimate time and memory; write nothing."
        ),
    ] = False,
) -> None:
    """Fit a model to DATA, score it on test trials and write a report to DIR.

    Scores stand beside those of Gaussian smoothing. Several DATA become one model, with a read-in
    and readouts for the neurons of each, and a directory of its own in DIR.
    """
    given = {
        "out": out,
        "model": model,
        "dynamics": dynamics,
        "preset": preset,
        "ensemble": ensemble,
        "resample": resample,
        "heldout": heldout,
        "folds": folds,
        "seed": seed,
        "split_seed": split_seed,
        "figures": figures,
        "budget": budget,
        **vars(computing),
    }
    from undertow.models.unused import warn_of_unused

    plan, paths = Plan.resolve(given, setting or [], config, reading), recordings(data)
    plan.computing.begin()
    crew = Crew.of(plan, spread, len(paths))
    if len(paths) > 1:
        fit_sessions(plan, paths, resume, quiet, dry_run)
        return
    plan, only = plan.racing(), paths[0]
    crew.check_model(plan.build_model())
    plan = crew.shared(plan)
    estimator, _ = plan.build_model(), plan.figure_kinds()
    if crew.rank > 0:
        if not dry_run:
            crew.help(plan, only, estimator, resume)
        return
    if dry_run:
        trials = plan.read(only)
        warn_of_unused(estimator.unused_signals(trials))
        if plan.budget is not None:
            estimator = budgeted(plan, estimator, trials, resume)
        show.dry_run(plan, only, estimator, trials)
        return
    directory, trials = plan.directory(), plan.read(only)
    warn_of_unused(estimator.unused_signals(trials))
    if plan.budget is not None:
        estimator = budgeted(plan, estimator, trials, resume)
    if not quiet:
        say(f"{estimator.cli_name}: {trials!r} from {only.name}")
    read = [trials]
    del trials  # `_run` takes the last reference out of `read`
    with resumable(directory):
        show.result(
            _run(plan, read, estimator, plan.source(only), resume, quiet, crew, spread.shard)
        )


def _run(
    plan: Plan,
    read: "list[TrialSet]",
    model: "Estimator",
    source: dict[str, Any],
    resume: bool,
    quiet: bool,
    crew: Crew,
    shard: str | None,
) -> "RunResult":
    """Run a plan on the trials read: one split, or cross-validation.

    They are taken out of `read` and kept nowhere: once a run has split a copy, they are let go.
    """
    from undertow.experiments import cross_validate, run
    from undertow.training import Progress

    progress = None if quiet else Progress()
    if plan.folds is None:
        return run(
            read.pop(),
            model,
            plan.directory(),
            split_seed=plan.split_seed,
            resume=resume,
            progress=progress,
            source=source,
            say=None if quiet else say,
            figures=plan.figure_kinds(),
            verbose=not quiet,
            helped=crew.together and crew.workers is None,
            workers=crew.workers,
        )
    return cross_validate(
        read.pop(),
        model,
        plan.directory(),
        plan.folds,
        split_seed=plan.split_seed,
        resume=resume,
        progress=progress,
        report=None if quiet else show.cell_line,
        workers=crew.workers or 1,
        shard=shard,
        source=source,
        figures=plan.figure_kinds(),
        verbose=not quiet,
    )
