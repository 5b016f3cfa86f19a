"""Text tables with hostile cells, lines and encodings."""

from collections.abc import Mapping

import numpy as np

from tests.campaigns import deep
from tests.campaigns.target import Rng, chance, pick

CELLS = (
    "",
    "nan",
    "inf",
    "-inf",
    "ten",
    "1e300",
    "1e-300",
    "-1",
    "1_000",
    "1,5",
    "2020-01-01",
    "True",
    "=1+1",
    "\x1b[31m",
    "\x00",
    '"',
    "'",
    "1 2",
    "٣",
    "1e9",
    "10000000000000000",
    "[bold]",
    "$_",
    "ü",
)
WAYS = ("cell", "cell", "cell", "line", "head", "encoding", "delimiter", "column")
LINES = ("", ",", "\t\t\t", "\x00", "a", "#", '"', "1,2,3,4,5,6,7,8,9", "\ufeff", "\r")


def table(columns: Mapping[str, np.ndarray], delimiter: str) -> str:
    """Columns as a text table."""
    rows = zip(*(values.tolist() for values in columns.values()), strict=False)
    lines = [delimiter.join(columns), *(delimiter.join(map(str, row)) for row in rows)]
    return "\n".join(lines) + "\n"


def change(rng: Rng, text: str, delimiter: str) -> tuple[bytes, str]:
    """(a table with one change, which)."""
    lines = text.split("\n")
    at = int(rng.integers(len(lines)))
    way = str(
        pick(rng, ("cell", "cell", "cell", "line", "head", "encoding", "delimiter", "column"))
    )
    if way == "cell":
        cells = lines[at].split(delimiter)
        cell = deep.long_number(rng) if chance(rng, 0.1) else str(pick(rng, CELLS))
        cells[int(rng.integers(len(cells)))] = cell
        lines[at] = delimiter.join(cells)
        return _bytes(lines), f"cell {cell[:20]!a} in line {at}"
    if way == "line":
        lines.insert(at, str(pick(rng, LINES)))
    if way == "head":
        names = lines[0].split(delimiter)
        name = str(pick(rng, ("", "1", names[-1], "a" * 5000, "\x1b[2J", "id ", "cluster_id")))
        names[int(rng.integers(len(names)))] = name
        lines[0] = delimiter.join(names)
    if way == "encoding":
        return "\n".join(lines).encode(str(pick(rng, ("utf-16", "utf-32", "utf-8-sig")))), way
    if way == "delimiter":
        return "\n".join(lines).replace(delimiter, str(pick(rng, (";", " ", "|")))).encode(), way
    if way == "column":
        cell = str(pick(rng, CELLS))
        lines = [f"{cell}{delimiter}" + line.partition(delimiter)[2] for line in lines]
    return _bytes(lines), f"{way} of line {at}"


def _bytes(lines: list[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", errors="surrogateescape")
