"""Tables as Markdown, and values as text in their cells."""

from collections.abc import Sequence
from typing import Any


def markdown_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def cell_text(value: Any) -> str:
    """A cell of a table: numbers short, whole and large ones with commas."""
    if value is None or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        # three digits of a thousand would be written as a power of ten
        return f"{value:,.0f}" if 999.5 <= abs(value) < 1e6 else f"{value:.3g}"
    return str(value)
