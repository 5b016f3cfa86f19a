"""Training history: one row of numbers per validation."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from math import isfinite, nan

from undertow.files import csv_text

Row = dict[str, float]
MOST = 2**53


def kept_row(history: Sequence[Row]) -> Row:
    """Return the row of the epoch whose weights were kept; empty without validation."""
    scored = [row for row in history if "validation_score" in row]
    if not scored:
        return {}
    best = scored[-1]["best_score"]
    # the best score has stood since the kept row: an equal score later replaces nothing
    since = list(takewhile(lambda row: row["best_score"] == best, reversed(scored)))
    return since[-1]


def broken_history(history: Sequence[Mapping[str, float]]) -> str:
    """Say what a history read from a file lacks; empty where nothing is."""
    for row in history:
        # whole numbers of thousands of digits have no finite float
        if any(isinstance(value, int) and abs(value) > MOST for value in row.values()):
            return "its history holds a number that training never makes"
        if not isfinite(row.get("epoch", nan)):
            return "a row of its history has no epoch"
        # validated rows have both, unvalidated ones neither
        if {"validation_score", "best_score"} & row.keys() and not (
            isfinite(row.get("validation_score", nan)) and isfinite(row.get("best_score", nan))
        ):
            return "a row of its history lacks a score"
    return ""


def history_csv(history: Sequence[Mapping[str, float]]) -> str:
    """Format the rows as CSV text, with a header."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    return csv_text(columns, ([row.get(name, "") for name in columns] for row in history))
