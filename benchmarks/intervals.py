"""Cells of a grid as table entries: a score over folds with its interval, and its paired difference
from another's."""

from collections.abc import Mapping, Sequence

from undertow.evaluation import Score, Statistic, combine
from undertow.experiments import CellResult

Folds = list[list[dict[str, Statistic]]]


def folds_of(cells: Sequence[CellResult], model: str, data: str, names: Mapping[str, str]) -> Folds:
    """The statistics of a model's cells on a data set, fold by fold; names: score name → what the
    table calls it.

    Raises:
        SystemExit: where a fit failed.
    """
    mine = [each for each in cells if (each.cell.model, each.cell.data) == (model, data)]
    for each in mine:
        if each.error:
            raise SystemExit(f"{each.cell.name} failed ({each.error}): run again to try it again.")
    found = (each.statistics() for each in mine)
    return [[{names[name]: one[name] for name in names if name in one}] for one in found]


def scores(folds: Folds) -> dict[str, Score]:
    """Means over folds, with 95 % intervals."""
    return combine(folds)


def differences(folds: Folds, minus: Folds) -> dict[str, Score]:
    """Paired differences, with 95 % intervals."""
    return combine(folds, minus=minus)


def shown(score: Score, sign: str = "") -> str:
    """'0.326 [0.301, 0.350]'."""
    return f"{score.value:{sign}.3f} [{score.low:{sign}.3f}, {score.high:{sign}.3f}]".replace(
        "-", "−"
    )
