"""`LineSource`: bins as lines of text, such as another program prints."""

import sys
from collections.abc import Iterator
from typing import TextIO

import numpy as np

from undertow.errors import DataError
from undertow.live.bins import Frame
from undertow.names import shown


class LineSource:
    """One bin a line: counts of all neurons, separated by spaces or commas, 'nan' where unknown.

    A line may begin with the bin's number and a colon, `17: 0 1 0 2`; without one it is the next
    bin. An empty line is a bin of which nothing is known; one that begins with # is a comment; the
    word 'reset' begins a trial.

    Args:
        lines: standard input by default.
    """

    def __init__(self, lines: TextIO | None = None) -> None:
        self._lines = sys.stdin if lines is None else lines

    def __iter__(self) -> Iterator[Frame]:
        """Frames of all lines.

        Raises:
            DataError: for a line that is none of these.
        """
        restarts = False
        for line in self._lines:
            text = line.strip()
            if text.startswith("#"):
                continue
            if text == "reset":
                restarts = True
                continue
            yield _frame(text, restarts)
            restarts = False

    def close(self) -> None:
        """Nothing: standard input is not this program's to close."""


def _frame(text: str, restarts: bool) -> Frame:
    number, colon, counts = text.partition(":") if ":" in text else ("", "", text)
    try:
        found = int(number) if colon else None
        values = np.array([float(part) for part in counts.replace(",", " ").split()])
    except ValueError:
        raise DataError(
            f"the line {shown(text)} is no bin: write counts separated by spaces or commas, with "
            "the bin's number and a colon before them where bins are numbered."
        ) from None
    return Frame(found, values if values.size else None, restarts=restarts)
