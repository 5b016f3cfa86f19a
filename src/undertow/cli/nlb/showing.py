"""What the benchmark's verbs print of scores."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from undertow.cli import show
from undertow.cli.nlb.place import Place

if TYPE_CHECKING:
    from undertow.evaluation import NLBScores

UNITS = {"bps": "bits/spike", "R2": "R²", "corr": "r, more negative is better"}


def nlb_scores(place: Place, by_run: Mapping[str, Mapping[str, "NLBScores"]]) -> None:
    """Scores of runs side by side, under the benchmark's name of the result, which tells set and
    bin width."""
    splits = list(dict.fromkeys(split for found in by_run.values() for split in found))
    for split in splits:
        columns = {run: found[split].values for run, found in by_run.items() if split in found}
        names = list(dict.fromkeys(name for values in columns.values() for name in values))
        typer.echo(f"{split}: {place.label}")
        rows = [
            [n, *(f"{v[n]:.4f}" if n in v else "–" for v in columns.values()), _unit(n)]
            for n in names
        ]
        show.table(["score", *columns, "unit"], rows)


def _unit(name: str) -> str:
    return next(unit for end, unit in UNITS.items() if name.endswith(end))
