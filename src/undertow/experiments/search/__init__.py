"""Search over the settings of a model: random, successive halving, population-based training."""

from undertow.experiments.search.options import Search
from undertow.experiments.search.result import SearchResult
from undertow.experiments.search.searching import checked_space, random_search, search
from undertow.experiments.search.trial import Trial

__all__ = ["Search", "SearchResult", "Trial", "checked_space", "random_search", "search"]
