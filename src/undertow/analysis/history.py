"""Training histories as columns."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from undertow.errors import UndertowError


def history_columns(history: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Every numeric column of a history, (rows,) each, NaN where a row lacks it.

    'epoch' comes first, counted from 0 where it is missing.

    Raises:
        UndertowError: when there are no rows.
    """
    if not history:
        raise UndertowError(
            "there is no training history: this model is not trained by epochs, or did not log "
            "them."
        )
    names = dict.fromkeys(name for row in history for name in row if name != "epoch")
    columns = {"epoch": np.array([_number(row.get("epoch", k)) for k, row in enumerate(history)])}
    for name in names:
        column = np.array([_number(row.get(name)) for row in history])
        if np.isfinite(column).any():
            columns[name] = column
    return columns


def _number(value: Any) -> float:
    """The value as a float; NaN for text, None and whatever else is no number."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return float("nan")
