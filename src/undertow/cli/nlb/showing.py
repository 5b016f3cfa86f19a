"""What the verbs of the benchmark print of scores: those of runs, and published ones."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from undertow.cli import show
from undertow.cli.nlb.place import Place

if TYPE_CHECKING:
    from undertow.nlb import NLBScores

UNITS = {"bps": "bits/spike", "R2": "R²", "corr": "r, more negative is better"}
ByRun = Mapping[str, Mapping[str, "NLBScores"]]


def show_scores(place: Place, by_run: ByRun) -> None:
    """Print scores of runs side by side, under the benchmark's name of the result.

    That name tells set and bin width.
    """
    splits = list(dict.fromkeys(split for found in by_run.values() for split in found))
    for split in splits:
        columns = {run: found[split].values for run, found in by_run.items() if split in found}
        names = list(dict.fromkeys(name for values in columns.values() for name in values))
        typer.echo(f"{split}: {place.label}")
        rows = [[n, *(_cell(v, n) for v in columns.values()), _unit(n)] for n in names]
        show.table(["score", *columns, "unit"], rows)


def _unit(name: str) -> str:
    return next(unit for end, unit in UNITS.items() if name.endswith(end))


def show_published(place: Place, by_run: ByRun) -> None:
    """Print a row for each run and for each published score of the set at this bin width."""
    from undertow.nlb import published_scores

    where = f"{place.set_name} at {place.bin_ms} ms bins"
    published = published_scores(place.set_name, place.bin_ms)
    if not published:
        typer.echo(f"no published scores of {where} are known here")
        return
    typer.echo(f"published scores of {where}, phase test, below those of here:")
    if place.phase != "test":
        typer.echo(
            f"(other trials, after learning from more: those of phase {place.phase} do not compare "
            "with them)"
        )
    own = {run: each.values for run, found in by_run.items() for each in found.values()}
    names = list(dict.fromkeys(name for values in own.values() for name in values))
    known = [(run, values, f"here, phase {place.phase}") for run, values in own.items()]
    known += [(each.model, each.values, each.source) for each in published]
    rows = [[model, *(_cell(values, n) for n in names), source] for model, values, source in known]
    show.table(["model", *names, "source"], rows)


def _cell(values: Mapping[str, float], name: str) -> str:
    return f"{values[name]:.4f}" if name in values else "–"
