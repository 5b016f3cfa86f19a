"""Models fitted on the same folds and seeds: their scores, and paired differences."""

from collections.abc import Mapping, Sequence

from undertow.evaluation import Score, Statistic, combine
from undertow.experiments.cells import CellResult
from undertow.experiments.scores import RELIANCE, latent_reliance

Seeds = Mapping[int, Mapping[str, Statistic]]
"""Seed → score name → per-trial sums."""


def by_fold(cells: Sequence[CellResult]) -> dict[int, dict[int, dict[str, Statistic]]]:
    """The statistics of a model's cells: fold → seed → score name → per-trial sums."""
    found: dict[int, dict[int, dict[str, Statistic]]] = {}
    for cell in sorted(cells, key=lambda c: (c.cell.fold or 0, c.cell.seed)):
        found.setdefault(cell.cell.fold or 0, {})[cell.cell.seed] = cell.statistics()
    return found


def scores_of(found: Mapping[int, Seeds]) -> dict[str, Score]:
    """Scores over the folds and seeds there are, 'latent reliance' where there are latents."""
    cells = [list(seeds.values()) for seeds in found.values()]
    if not cells:
        return {}
    reliance = latent_reliance(cells)
    return combine(cells) | ({} if reliance is None else {RELIANCE: reliance})


def paired_differences(
    mine: Mapping[int, Seeds], reference: Mapping[int, Seeds]
) -> dict[str, Score]:
    """Paired differences over the folds and seeds both have; empty where there are none."""
    common = {
        fold: [s for s in mine[fold] if s in reference[fold]] for fold in mine if fold in reference
    }
    common = {fold: seeds for fold, seeds in common.items() if seeds}
    if not common:
        return {}
    pairs = [
        [[found[fold][s] for s in seeds] for fold, seeds in common.items()]
        for found in (mine, reference)
    ]
    return combine(pairs[0], minus=pairs[1])
