"""Settings of a cell of a grid, searched on its validation trials before it is fitted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from undertow.data import Splits
from undertow.experiments.search import random_search
from undertow.experiments.search.result import dotted
from undertow.files import plain
from undertow.models.base import Estimator


@dataclass(frozen=True)
class CellSearch:
    """What a search before a fit tried and chose.

    Attributes:
        tried: settings that were tried; 1 where the model was fitted as it is.
        chosen: the best of them, where there was a choice.
        search_cpu_s: processor seconds of all tries.
    """

    tried: int = 1
    chosen: Mapping[str, Any] = field(default_factory=dict)
    search_cpu_s: float = 0.0


def searched(
    model: Estimator, splits: Splits, tries: int, seed: int, folder: Path
) -> tuple[Estimator, CellSearch]:
    """The model under the best of so many settings from its search space, and what that took.

    Test trials are not looked at. A model without a search space stays as it is.

    Args:
        model: not fitted.
        splits: training trials to learn from and validation trials to compare on.
        tries: settings that are tried, those of the model among them.
        seed: of the settings drawn.
        folder: for the state of each try; a search that was interrupted goes on from there.
    """
    if tries == 1 or not model.search_space:
        return model, CellSearch()
    found = random_search(
        model, splits.train, splits.validation, samples=tries, seed=seed, folder=folder
    )
    chosen = {dotted(name): plain(value) for name, value in found.settings.items()}
    return model.copy(**found.settings), CellSearch(len(found.trials), chosen, found.processor_s)
