"""Tables of scores as text for a terminal, and as HTML for a notebook."""

import html
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

Table = tuple[Sequence[str], Sequence[Sequence[str]]]
"""Heads, and rows of as many cells."""


def text_table(table: Table) -> str:
    """A table as text, columns two spaces apart."""
    heads, rows = table
    lines = [list(heads), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def html_table(table: Table) -> str:
    """A table as HTML, every cell escaped."""
    heads, rows = table
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in heads)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def columns_table(columns: Mapping[str, Sequence[Any]]) -> Table:
    """A table of named columns of plain values; numbers with a fraction to three decimals."""
    rows = zip(*columns.values(), strict=True)
    return list(columns), [
        [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row]
        for row in rows
    ]


class Tabular(ABC):
    """Anything that shows itself as a table, in a terminal and in a notebook."""

    @abstractmethod
    def table(self) -> Table:
        """Heads and rows of text."""

    def __repr__(self) -> str:
        return text_table(self.table())

    def _repr_html_(self) -> str:
        return html_table(self.table())
