"""Names: from a name to what it means, with the nearest one where there is none."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from undertow.errors import ModelError, UndertowError, escaped

Found = TypeVar("Found")
MOST_LISTED, MOST_CHARACTERS = 12, 80
"""Of names in one message, and of one name."""
OF_PATHS = 300
"""Characters of a path in a message, whose end says which file is meant."""


def kebab(name: str) -> str:
    """The name of a class on the command line: 'CoupledOscillators' → 'coupled-oscillators'.

    Acronyms stay whole ('LinearSDE' → 'linear-sde'), and so does a person's name ('FitzHugh').
    """
    name = name.replace("FitzHugh", "Fitzhugh")
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message: 'did you mean …?', or the known names where none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {listed(known, 40)}."


def find(
    what: str, name: str, known: Mapping[str, Found], error: type[UndertowError] = ModelError
) -> Found:
    """What `name` stands for among `known`; `what` says what is looked for ('model').

    Raises:
        error: for an unknown name, with the nearest one.
    """
    if name not in known:
        raise error(f"there is no {what} {printable(name)!r}: {nearest(name, known)}")
    return known[name]


def listed(
    names: Collection[object], most: int = MOST_LISTED, characters: int = MOST_CHARACTERS
) -> str:
    """Names for a message: 'a, b, c', 'a, b, … (812 in all)' or 'nothing'.

    Of each name at most so many characters are shown; of paths, `OF_PATHS`.
    """
    first = [printable(str(name), characters) for name, _ in zip(names, range(most), strict=False)]
    shown = ", ".join(first)
    return f"{shown}, … ({len(names)} in all)" if len(names) > most else shown or "nothing"


def printable(text: str, most: int = MOST_CHARACTERS) -> str:
    """Text from a file or a user, fit for a terminal and a message.

    Control characters and other unprintable ones are written as escapes; long text is cut.
    """
    return escaped(text if len(text) <= most else f"{text[:most]}…")


def shown(value: object) -> str:
    """The repr of any value, fit for a message; what has none that can be made, by its type."""
    try:
        return printable(repr(value))
    except (ValueError, RecursionError):  # a number of thousands of digits, endless nesting
        return f"a {type(value).__name__} too large to show"
