"""`Compared`: the results of one model of a comparison."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from undertow.evaluation import Score
from undertow.experiments.cells import CellResult
from undertow.experiments.identity import settings_of
from undertow.experiments.pairing import Seeds, by_fold, paired_differences, scores_of
from undertow.models.base import Estimator


@dataclass(frozen=True, eq=False)
class Compared:
    """The results of one model.

    Attributes:
        settings: of the model.
        told: what it was told of test trials and others were not; it is ranked with none.
        statistics: fold → seed → score name → per-trial sums.
        scores: score name → score over folds and seeds.
        differences: score name → paired difference from the first model.
        parameters: numbers learned, in 'all'; empty for a model that does not count them.
        fit_s, cpu_s: median seconds of a fit, by the clock and of the processor.
        tried: settings that were tried before each fit; 1 where the model was fitted as it is.
        search_cpu_s: median seconds of the processor that they took.
        fits: number of fits that count; one stands for all seeds where it depends on none.
        peak_bytes: the most memory that a fit held, Python and libraries included; None where the
            system does not say.
    """

    settings: Mapping[str, Any]
    told: str
    statistics: Mapping[int, Seeds]
    scores: Mapping[str, Score]
    differences: Mapping[str, Score]
    parameters: Mapping[str, int]
    fit_s: float
    cpu_s: float
    peak_bytes: int | None
    tried: int
    search_cpu_s: float
    fits: int


def complete(
    models: Mapping[str, Estimator], cells: Sequence[CellResult]
) -> dict[str, dict[int, dict[int, Any]]]:
    """Model → its statistics in the folds and seeds that all models finished.

    A model that finished none has none, and does not keep the others from theirs.
    """
    found = {
        name: by_fold([c for c in cells if c.cell.model == name and not c.error]) for name in models
    }
    finished = [
        {(fold, seed) for fold, seeds in each.items() for seed in seeds}
        for each in found.values()
        if each
    ]
    common = set.intersection(*finished) if finished else set()
    return {
        name: {
            fold: kept
            for fold, seeds in each.items()
            if (kept := {seed: sums for seed, sums in seeds.items() if (fold, seed) in common})
        }
        for name, each in found.items()
    }


def compared(
    model: Estimator,
    found: Mapping[int, Seeds],
    first: Mapping[int, Seeds],
    cells: Sequence[CellResult],
    name: str,
) -> Compared:
    """The results of a model from its cells, and its differences from the first."""
    mine = [c for c in cells if c.cell.model == name and not c.error]
    known = [c.usage.cpu_s for c in mine if not isnan(c.usage.cpu_s)]
    peaks = [c.usage.peak_bytes for c in mine if c.usage.peak_bytes is not None]
    return Compared(
        settings_of(model),
        model.told,
        found,
        scores_of(found),
        paired_differences(found, first) if found is not first else {},
        next((c.parameters for c in mine), {}),
        statistics.median(c.fit_s for c in mine) if mine else nan,
        statistics.median(known) if known else nan,
        max(peaks, default=None),
        max((c.tried for c in mine), default=1),
        statistics.median(c.search_cpu_s for c in mine) if mine else nan,
        len({c.path for c in mine if c.cell.seed in found.get(c.cell.fold or 0, ())}),
    )
