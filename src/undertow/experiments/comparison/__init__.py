"""Comparison of many models on the same folds and seeds."""

from undertow.experiments.comparison.compared import Compared
from undertow.experiments.comparison.ranking import Ranking
from undertow.experiments.comparison.result import Comparison
from undertow.experiments.comparison.running import compare, compared_by_default, named_models

__all__ = ["Compared", "Comparison", "Ranking", "compare", "compared_by_default", "named_models"]
