"""What verbs print: tables on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from undertow.cli.errors import LONGEST_LINE, say
from undertow.cli.plan import Plan
from undertow.names import printable

if TYPE_CHECKING:
    from undertow.data import Sessions, TrialSet
    from undertow.experiments import CellResult, Estimate, RunResult, ScoreTable
    from undertow.models import Estimator, JointModel


def result(done: "RunResult") -> None:
    """Print scores of a run, seconds of the fit, and where everything lies."""
    scores(done.table)
    typer.echo(f"fit: {done.fit_s:.1f} s, scores and report: {done.scored_s:.1f} s")
    line(f"scores: {done.directory / 'scores.json'}")
    line(f"report: {done.report}")


def line(text: object) -> None:
    """Print a line; what a terminal would obey is written as escapes."""
    typer.echo(printable(str(text), LONGEST_LINE))


def scores(found: "ScoreTable") -> None:
    """Print scores of each model side by side with their intervals, and the paired difference."""
    heads, rows = found.table()
    if rows:
        table(heads, rows)
    else:
        typer.echo("no score can be computed for these trials")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; elsewhere lines of aligned columns."""
    heads, *rows = [[printable(cell, LONGEST_LINE) for cell in row] for row in [heads, *rows]]
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Column, Table
        from rich.text import Text

        # as Text, for brackets in a name are no markup
        drawn = Table(*(Column(Text(head)) for head in heads))
        for row in rows:
            drawn.add_row(*map(Text, row))
        Console().print(drawn)
        return
    widths = [max(len(row[k]) for row in [heads, *rows]) for k in range(len(heads))]
    for row in [heads, *rows]:
        typer.echo(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        )


def facts(values: Mapping[str, Any]) -> None:
    """Print names and values, a line each."""
    width = max(len(name) for name in values)
    for name, value in values.items():
        line(f"{name.ljust(width)}  {value}")


def cell_line(cell: "CellResult", done: int, total: int) -> None:
    """Print one line on stderr for each fit of a grid that ends."""
    say(cell.line(done, total))


def dry_run(plan: Plan, data: Path, model: "Estimator", trials: "TrialSet") -> None:
    """Print what `fit` would do, with an estimate of time and memory; nothing is written.

    Raises:
        UndertowError: for what `fit` would refuse too.
    """
    from undertow.data import fold_splits, split_trials
    from undertow.experiments import estimate

    if plan.folds is None:
        first = split_trials(trials, seed=plan.split_seed)
    else:
        first = fold_splits(trials, plan.folds, plan.split_seed)[0]
    sizes = " / ".join(str(part.n_trials) for part in first)
    facts(
        {
            "data": data,
            "trials": trials,
            "train / validation / test trials": sizes
            if plan.folds is None
            else f"{sizes} in each of {plan.folds} folds",
            "neurons held out": f"{int(trials.heldout.sum())} of {trials.n_neurons}",
            "silent neurons": int(trials.silent.sum()),
            "results": plan.out or "not given (--out DIR)",
            "model": repr(model),
            **_cost(estimate(model, first), plan.folds or 1),
        }
    )


def dry_run_sessions(plan: Plan, sessions: "Sessions", model: "JointModel") -> None:
    """Print what `fit` would do with several recordings; nothing is written.

    The time is that of as many epochs on each session alone: a joint step costs the same.

    Raises:
        UndertowError: for what `fit` would refuse too.
    """
    from undertow.data import split_trials
    from undertow.experiments import estimate

    template, total_s = model.template(), 0.0
    parts = {name: split_trials(each, seed=plan.split_seed) for name, each in sessions.items()}
    epochs = template.training.epochs_of(sum(len(each.train) for each in parts.values()))
    for name, each in parts.items():
        alone = template.copy(training__epochs=epochs, training__steps=None)
        cost = estimate(alone, each)
        total_s += cost.seconds
        facts(
            {
                "session": name,
                "trials": sessions[name],
                "train / validation / test trials": " / ".join(str(len(part)) for part in each),
                "parameters": f"{cost.parameters:,}",
            }
        )
    facts(
        {
            "results": plan.out or "not given (--out DIR)",
            "model": repr(model),
            "time": f"about {total_s:.0f} s for all sessions together (timed here)",
        }
    )


def _cost(cost: "Estimate", fits: int) -> dict[str, str]:
    steps = f"{cost.steps} training steps; timed here" if cost.steps else "timed here"
    memory = f"about {cost.memory_bytes / 2**20:.0f} MiB besides Python and PyTorch"
    return {
        "parameters": f"{cost.parameters:,}",
        "threads": f"{cost.threads}",
        "time": f"{_time(cost, fits)} ({steps})",
        **({"memory": memory} if cost.memory_bytes else {}),
    }


def _time(cost: "Estimate", fits: int) -> str:
    """Seconds of training, and of all that follows it."""
    training, scores = duration(cost.seconds), duration(cost.scored_s)
    if fits == 1:
        after = duration(cost.scored_s + cost.report_s)
        return f"at most about {training} of training and {after} of scoring and report"
    report = duration(cost.report_s)
    return f"{fits} fits × at most about {training} of training and {scores} of scoring, then " + (
        f"{report} of report"
    )


def duration(seconds: float) -> str:
    """Seconds or minutes, rounded."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
