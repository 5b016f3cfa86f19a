"""Training history: one row of numbers per validation."""

import csv
import io
from collections.abc import Mapping, Sequence

Row = dict[str, float]


def kept_row(history: Sequence[Row]) -> Row:
    """Return the row of the epoch whose weights were kept; empty without validation."""
    best = history[-1].get("best_score") if history else None
    # from the end: with keep='last' an earlier epoch may have scored exactly the same
    scored = (row for row in reversed(history) if "validation_score" in row)
    return next((row for row in scored if row["validation_score"] == best), {})


def history_csv(history: Sequence[Mapping[str, float]]) -> str:
    """Format the rows as CSV text, with a header."""
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()
