"""`undertow latents`: held-out scores against the number of latents."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import INTERRUPTED, guarded, say
from undertow.cli.plan import Plan
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.experiments import CellResult
    from undertow.models import Estimator


@guarded
def latents(
    data: options.Data,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="A new directory for the results.")
    ] = None,
    sizes: Annotated[
        str,
        typer.Option(metavar="N,N,…", help="latent_dim of langevin-flow, state_dim of latent-sde."),
    ] = "2,4,8,16,32",
    model: Annotated[
        str | None, typer.Option(help="Which model; langevin-flow by default.")
    ] = None,
    dynamics: options.Dynamics = None,
    folds: Annotated[int, typer.Option(metavar="N", help="Of the cross-validation.")] = 5,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds 0 … N − 1 on every fold.")] = 1,
    shots: Annotated[
        int, typer.Option(metavar="K", help="Training trials a few-shot readout is fitted on.")
    ] = 16,
    draws: Annotated[int, typer.Option(metavar="N", help="Draws of so many in every fold.")] = 10,
    penalty: Annotated[
        float | None,
        typer.Option(
            metavar="A",
            help="Of a few-shot readout; by default chosen among the trials of each draw.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes, one thread each.")] = 1,
    preset: options.Preset = None,
    setting: options.Setting = None,
    bin_ms: options.BinMs = None,
    heldout: options.Heldout = None,
    split_seed: options.SplitSeed = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the curve in DIR.")] = False,
    quiet: options.Quiet = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would run, and estimate its time; write nothing."),
    ] = False,
    align: options.Align = None,
    window: options.Window = None,
    units: options.Units = None,
    condition: options.Condition = None,
    behavior: options.Behavior = None,
    stimulus: options.Stimulus = None,
    label: options.Label = None,
    min_rate: options.MinRate = None,
    forward_bins: options.ForwardBins = None,
) -> None:
    """Fit a model with ever more latents; compare co-smoothing and few-shot co-smoothing over the
    same folds.

    Says the smallest size within one standard error of the best. Writes latents.json and
    latents.png to DIR.
    """
    given = {
        "out": out,
        "model": model,
        "dynamics": dynamics,
        "preset": preset,
        "bin_ms": bin_ms,
        "heldout": heldout,
        "split_seed": split_seed,
        "align": align,
        "window": window,
        "units": units,
        "condition": condition,
        "behavior": behavior,
        "stimulus": stimulus,
        "label": label,
        "min_rate": min_rate,
        "forward_bins": forward_bins,
    }
    plan = Plan.resolve(given, setting or [], config=None)
    for name, value, least in (("folds", folds, 2), ("seeds", seeds, 1), ("workers", workers, 1)):
        if value < least:
            raise UndertowError(f"--{name} {value}: it must be {least} or more.")
    what: dict[str, Any] = {"sizes": _sizes(sizes), "folds": folds, "seeds": range(seeds)}
    what |= {"shots": shots, "repeats": draws, "penalty": penalty}
    base = _base(plan)
    if dry_run:
        _say_cost(plan, plan.read(data), base, what)
        return
    plan.directory()
    trials = plan.read(data)
    if not quiet:
        say(
            f"{base.cli_name} of {', '.join(map(str, what['sizes']))} latents: {trials!r} from "
            f"{data.name}"
        )
    try:
        _run(plan, trials, base, what, workers, resume, plan.source(data), quiet)
    except KeyboardInterrupt:
        say(
            f"undertow latents: interrupted; finished fits are kept in {out}. The same command "
            "with --resume goes on."
        )
        raise typer.Exit(INTERRUPTED) from None


def _sizes(text: str) -> list[int]:
    """'2,4,8' → [2, 4, 8]."""
    try:
        return [int(part) for part in options.names(text) or []]
    except ValueError:
        raise UndertowError(
            f"--sizes {text} are not whole numbers: write, for example, 2,4,8,16,32."
        ) from None


def _base(plan: Plan) -> "Estimator":
    """The model whose size is varied.

    Raises:
        UndertowError: for a model without latents, or when its size is set beside --sizes.
    """
    from undertow.experiments import size_name

    base = plan.build_model()
    if size_name(base) in plan.set:
        raise UndertowError(f"--set {size_name(base)} is what --sizes varies: leave it out.")
    return base


def _run(
    plan: Plan,
    trials: "TrialSet",
    base: "Estimator",
    what: Mapping[str, Any],
    workers: int,
    resume: bool,
    source: Mapping[str, Any],
    quiet: bool,
) -> None:
    """Fit, print, write."""
    from undertow.experiments import latent_curve
    from undertow.experiments.identity import fingerprint, run_directory, settings_of

    directory = plan.directory()
    same = {
        "latents": settings_of(base),
        "data": fingerprint(trials),
        "split_seed": plan.split_seed,
    }
    same["folds"] = what["folds"]
    with run_directory(directory, same, resume, source):
        done = latent_curve(
            trials,
            directory,
            base,
            **what,
            split_seed=plan.split_seed,
            workers=workers,
            report=partial(_note, quiet),
            say=None if quiet else say,
        )
    if done.scores:
        show.table(*done.score_table())
        for sentence in done.sentences():
            typer.echo(sentence)
    for path in done.write(directory, {**same, "source": source, "seeds": list(what["seeds"])}):
        typer.echo(f"written: {path}")
    if done.errors:
        name, error = next(iter(done.errors.items()))
        raise UndertowError(
            f"{len(done.errors)} fits failed and their sizes are left out; the first, {name}, with "
            f"{error} What finished is kept: --resume tries the others again."
        )


def _note(quiet: bool, cell: "CellResult", done: int, total: int) -> None:
    """One line on stderr for each fit that ends.

    Raises:
        UndertowError: when the very first fails.
    """
    if cell.error and done == 1:
        raise UndertowError(f"the first fit, {cell.cell.name}, failed: {cell.error}")
    if not quiet:
        show.cell_line(cell, done, total)


def _say_cost(plan: Plan, trials: "TrialSet", base: "Estimator", what: Mapping[str, Any]) -> None:
    """What would run, and the time of each size from a few real training steps; nothing is
    written."""
    from undertow.experiments import estimate, fold_splits, resized

    fits = what["folds"] * len(what["seeds"])
    first = fold_splits(trials, what["folds"], plan.split_seed)[0]
    facts: dict[str, Any] = {
        "trials": trials,
        "results": plan.out or "not given (--out DIR)",
        "model": repr(base),
    }
    total_s = 0.0
    for size in what["sizes"]:
        cost = estimate(resized(base, size), first)
        if cost is not None:
            total_s += fits * cost.seconds
            facts[f"{size} latents"] = (
                f"{cost.parameters:,} parameters, {fits} fits × about {show.duration(cost.seconds)}"
            )
    show.facts({**facts, "time": f"at most about {show.duration(total_s)} in one process"})
