"""Cells of a grid as table entries: a score over folds with its interval, and its paired difference
from another's."""

from collections.abc import Mapping, Sequence

from undertow.evaluation import Score, Statistic, combine
from undertow.experiments import CellResult

Folds = list[list[dict[str, Statistic]]]


def folds_of(cells: Sequence[CellResult], model: str, data: str, names: Mapping[str, str]) -> Folds:
    """The statistics of a model's cells on a data set, fold by fold and seed by seed; names: score
    name → what the table calls it.

    Raises:
        SystemExit: where a fit failed.
    """
    found: dict[int | None, list[dict[str, Statistic]]] = {}
    for each in cells:
        if (each.cell.model, each.cell.data) == (model, data):
            if each.error:
                raise SystemExit(
                    f"{each.cell.name} failed ({each.error}): run again to try it again."
                )
            sums = each.statistics()
            named = {names[name]: sums[name] for name in names if name in sums}
            found.setdefault(each.cell.fold, []).append(named)
    return list(found.values())


def scores(folds: Folds, over_folds: bool = False) -> dict[str, Score]:
    """Means over folds, with 95 % intervals."""
    return combine(folds, over_folds=over_folds)


def differences(folds: Folds, minus: Folds, over_folds: bool = False) -> dict[str, Score]:
    """Paired differences, with 95 % intervals."""
    return combine(folds, minus=minus, over_folds=over_folds)


def shown(score: Score, sign: str = "") -> str:
    """'0.326 [0.301, 0.350]'."""
    return f"{score.value:{sign}.3f} [{score.low:{sign}.3f}, {score.high:{sign}.3f}]".replace(
        "-", "−"
    )
