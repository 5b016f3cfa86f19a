"""`undertow ablate`: the same model with one part changed at a time, compared with the whole."""

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

FOLDS, TRIED = 5, "-dropout"


@guarded
def ablate(
    data: options.Data,
    out: Annotated[
        str | None, typer.Option(metavar="DIR", help="A new directory for the results.")
    ] = None,
    arms: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="full, linear-decoder, linear-encoder, no-langevin, input-potential and "
            "first-order by default; mlp-potential too. "
            "The first is what the others are compared with.",
        ),
    ] = None,
    dropouts: Annotated[
        str | None,
        typer.Option(
            metavar="P,P,…", help="Each arm takes the one that validates best on the first fold."
        ),
    ] = None,
    folds: Annotated[int, typer.Option(metavar="N", help="Of the cross-validation.")] = FOLDS,
    seeds: Annotated[int, typer.Option(metavar="N", help="Seeds 0 … N − 1 on every fold.")] = 1,
    workers: Annotated[int, typer.Option(metavar="N", help="Processes, one thread each.")] = 1,
    preset: options.Preset = None,
    setting: options.Setting = None,
    bin_ms: options.BinMs = None,
    heldout: options.Heldout = None,
    split_seed: options.SplitSeed = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the ablation in DIR.")
    ] = False,
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
    """Fit langevin-flow whole and with one part changed at a time; compare scores, paired, over the
    same folds.

    Settings (--preset, --set) are those of the whole. Writes ablation.json, ablation.csv and
    ablation.md to DIR.
    """
    given = {
        "out": out,
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
    for name, value in (("folds", folds), ("seeds", seeds), ("workers", workers)):
        least = 2 if name == "folds" else 1
        if value < least:
            raise UndertowError(f"--{name} {value}: it must be {least} or more.")
    what: dict[str, Any] = {
        "arms": _arms(arms),
        "dropouts": _dropouts(dropouts),
        "folds": folds,
        "seeds": range(seeds),
    }
    base = plan.build_model()
    if dry_run:
        _say_cost(plan, plan.read(data), base, what)
        return
    plan.directory()
    trials = plan.read(data)
    if not quiet:
        say(f"{', '.join(what['arms'])}: {trials!r} from {data.name}")
    try:
        _run(plan, trials, base, what, workers, resume, plan.source(data), quiet)
    except KeyboardInterrupt:
        say(
            f"undertow ablate: interrupted; finished fits are kept in {out}. The same command with "
            "--resume goes on."
        )
        raise typer.Exit(INTERRUPTED) from None


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
    from undertow.experiments import ablate as run_arms
    from undertow.experiments.identity import fingerprint, run_directory, settings_of

    directory = plan.directory()
    same = {
        "ablation": settings_of(base),
        "data": fingerprint(trials),
        "split_seed": plan.split_seed,
    }
    same["folds"] = what["folds"]
    with run_directory(directory, same, resume, source):
        done = run_arms(
            trials,
            directory,
            base,
            **what,
            split_seed=plan.split_seed,
            workers=workers,
            report=partial(_note, next(iter(what["arms"])), quiet),
        )
    show.table(*done.score_table())
    typer.echo()
    show.table(*done.arm_table())
    about = {**same, "source": source, "seeds": list(what["seeds"]), "dropouts": what["dropouts"]}
    for path in done.write(directory, about):
        typer.echo(f"written: {path}")
    if done.errors:
        name, error = next(iter(done.errors.items()))
        raise UndertowError(
            f"{len(done.errors)} fits failed, the first, {name}, with {error} "
            "What finished is kept: --resume tries the others again."
        )


def _note(reference: str, quiet: bool, cell: "CellResult", done: int, total: int) -> None:
    """One line on stderr for each fit that ends; the trials of dropouts are counted on their own.

    Raises:
        UndertowError: when a fit of the arm that all others are compared with fails.
    """
    if cell.error and cell.cell.model.partition(TRIED)[0] == reference:
        raise UndertowError(
            f"the fit {cell.cell.name} failed, and every arm is compared with {reference}: "
            f"{cell.error}"
        )
    if quiet:
        return
    where = f"{cell.cell.model} fold {cell.cell.fold} seed {cell.cell.seed}"
    say(f"{where}: {cell.error or f'{cell.fit_s:.1f} s'} ({done} of {total})")


def _arms(text: str | None) -> dict[str, Any]:
    """The arms named, the default ones for None."""
    from undertow.experiments import ARMS
    from undertow.experiments.ablation import TABLE_6
    from undertow.names import nearest

    chosen = list(TABLE_6) if text is None else options.names(text) or []
    if not chosen:
        raise UndertowError(f"--arms names none: choose from {', '.join(ARMS)}.")
    for name in chosen:
        if name not in ARMS:
            raise UndertowError(f"there is no arm {name!r}: {nearest(name, ARMS)}")
    return {name: ARMS[name] for name in chosen}


def _dropouts(text: str | None) -> list[float]:
    try:
        values = [float(part) for part in options.names(text) or []]
    except ValueError:
        raise UndertowError(
            f"--dropouts {text} are not numbers: write, for example, 0.05,0.2,0.35."
        ) from None
    if not all(0 <= value < 1 for value in values):
        raise UndertowError(f"--dropouts {text}: each must be from 0 up to, not including, 1.")
    return values


def _say_cost(plan: Plan, trials: "TrialSet", base: "Estimator", what: Mapping[str, Any]) -> None:
    """What would run, and the time of each arm from a few real training steps; nothing is
    written."""
    from undertow.experiments import estimate, fold_splits
    from undertow.experiments.ablation import arm_models

    tried = len(what["dropouts"]) if len(what["dropouts"]) > 1 else 0
    fits = tried + what["folds"] * len(what["seeds"])
    first = fold_splits(trials, what["folds"], plan.split_seed)[0]
    facts: dict[str, Any] = {
        "trials": trials,
        "results": plan.out or "not given (--out DIR)",
        "whole": repr(base),
    }
    total_s = 0.0
    for name, model in arm_models(base, what["arms"]).items():
        cost = estimate(model, first)
        if cost is not None:
            total_s += fits * cost.seconds
            facts[name] = (
                f"{cost.parameters:,} parameters, {fits} fits × about {show.duration(cost.seconds)}"
            )
    show.facts({**facts, "time": f"at most about {show.duration(total_s)} in one process"})
