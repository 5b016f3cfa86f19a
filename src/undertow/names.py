"""Names: from a name to what it means, with the nearest one where there is none."""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TypeVar

from undertow.errors import ModelError, UndertowError

Found = TypeVar("Found")


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
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}."


def find(
    what: str, name: str, known: Mapping[str, Found], error: type[UndertowError] = ModelError
) -> Found:
    """What `name` stands for among `known`; `what` says what is looked for ('model').

    Raises:
        error: for an unknown name, with the nearest one.
    """
    if name not in known:
        raise error(f"there is no {what} {name!r}: {nearest(name, known)}")
    return known[name]


def listed(names: Collection[object]) -> str:
    """Names for a message: 'a, b, c', or 'nothing'."""
    return ", ".join(map(str, names)) or "nothing"
