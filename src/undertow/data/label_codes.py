"""Labels as whole numbers: the categories learned from, and the code of each label.

A model takes its categories from its training trials.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from undertow.data.plain import known_labels
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import listed

MISSING = -1


def label_categories(trials: TrialSet, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Name → its categories in these trials, sorted; of all labels, or of those named.

    Raises:
        DataError: for a name the trials do not hold, or a label that is missing in every trial.
    """
    found = {}
    for name in trials.labels if names is None else names:
        if name not in trials.labels:
            raise DataError(f"{trials} has no label {name!r}: there is {listed(trials.labels)}.")
        values = trials.labels[name]
        found[name] = np.unique(values[known_labels(values)])
        if not found[name].size:
            raise DataError(
                f"label {name!r} is missing in every trial: there is nothing to learn it from."
            )
    return found


def label_codes(trials: TrialSet, name: str, categories: ArrayLike) -> np.ndarray:
    """The place of each trial's label in `categories`, (trials,).

    It is −1 where the label is missing or is none of the categories.

    Raises:
        DataError: for text where the categories are numbers, or the reverse.
    """
    known, codes = np.asarray(categories), np.full(trials.n_trials, MISSING)
    if name not in trials.labels:
        return codes
    values = trials.labels[name]
    there = known_labels(values)
    if there.any() and (values.dtype.kind == "U") != (known.dtype.kind == "U"):
        raise DataError(
            f"label {name!r} holds {values[there][0].item()!r} and its categories "
            f"{known.tolist()}: both must be text, or both numbers."
        )
    order = np.argsort(known)
    there &= np.isin(values, known)
    codes[there] = order[np.searchsorted(known, values[there], sorter=order)]
    return codes
