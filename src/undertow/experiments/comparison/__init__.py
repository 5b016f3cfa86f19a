"""Comparison of many models on the same folds and seeds."""

from undertow.experiments.comparison.compared import Compared
from undertow.experiments.comparison.ranking import Ranking
from undertow.experiments.comparison.recordings import Comparisons
from undertow.experiments.comparison.result import Comparison
from undertow.experiments.comparison.running import (
    compare,
    compare_recordings,
    compared_by_default,
    named_models,
)

__all__ = [
    "Compared",
    "Comparison",
    "Comparisons",
    "Ranking",
    "compare",
    "compare_recordings",
    "compared_by_default",
    "named_models",
]
