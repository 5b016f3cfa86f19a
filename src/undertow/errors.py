"""The errors and warnings undertow raises on purpose.

Their messages quote names and values of files and users: all are made fit for a terminal here.
"""

import re

MOST_CHARACTERS = 2000
LINE_END = re.compile(r"\s*[\r\n]+\s*")
ENDLESS = re.compile(r"(\S{150})\S{50,}(\S{150})")
"""Words of which the beginning and the end are enough."""


def escaped(text: str) -> str:
    """Text with control characters and other unprintable ones written as escapes."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def plain(message: object) -> str:
    """A message in one printable line, control characters as escapes, without endless words."""
    text = ENDLESS.sub(r"\1…\2", escaped(LINE_END.sub(" ", str(message))))
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"


class UndertowError(ValueError):
    """Something the user gave breaks a rule; the message names what, where and what to do."""

    def __init__(self, message: object) -> None:
        super().__init__(plain(message))


class DataError(UndertowError):
    """A recording, file or array cannot be used as given."""


class ModelError(UndertowError):
    """A model, its settings or a saved model file cannot be used as given."""


class StabilityError(ModelError):
    """A time step of the dynamics would grow without bound."""


class WriteError(UndertowError):
    """A file could not be written: a full disk, a limit, no permission; no half of it is kept."""


class HeldError(UndertowError):
    """A place is written to by another process, which may end."""


class UnfinishedError(UndertowError):
    """A shard has done its part, and other parts are not done yet: nothing sums them up.

    Attributes:
        left: fits of other shards that are not there.
    """

    def __init__(self, message: object, left: int = 0) -> None:
        super().__init__(message)
        self.left = left


class UndertowWarning(UserWarning):
    """Something that was asked for works, and deserves a look all the same."""

    def __init__(self, message: object) -> None:
        super().__init__(plain(message))


class DataWarning(UndertowWarning):
    """The data can be used, but something in them deserves a look.

    Examples are silent neurons and bins that were dropped.
    """


class UnusedWarning(DataWarning):
    """The model asked for does not use a part of the data."""
