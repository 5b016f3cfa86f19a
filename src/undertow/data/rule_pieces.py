"""The pieces of a rule: column names, signs, brackets, words, quoted text and values."""

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from undertow.errors import DataError
from undertow.names import printable

Columns = Mapping[str, np.ndarray]
_PIECE = re.compile(
    r"""\s*(?:(?P<sign>==|!=|>=|<=|>|<)|(?P<mark>[()\[\],])|(?P<quoted>'[^']*'|"[^"]*")"""
    r"""|(?P<word>[^\s()\[\],<>=!'"]+)|(?P<bad>\S))"""
)
_VALUE_ENDS = re.compile(r"\s*(?:$|[)\],<>=!]|(?<=\s)(?:and|or)\s)")
_NAME_ENDS = " \t\n()[],<>=!"


class Token(NamedTuple):
    """A piece of a rule: its text, its place, and its kind.

    Kinds are 'sign', 'mark', 'quoted', 'word', 'column', 'value' (of a text column) and 'end'.
    """

    kind: str
    text: str
    start: int = 0
    stop: int = 0

    @property
    def plain(self) -> str:
        """The text without its quotation marks."""
        return self.text[1:-1] if self.kind == "quoted" else self.text


def refusal(table: str, rule: str, why: str) -> DataError:
    """The error for a rule that cannot be read."""
    return DataError(
        f"cannot read the rule {printable(rule)!r} for the {table}: {why}. Write it as "
        "column==value (or !=, >=, <=, >, <), or column in (a, b), joined by and, or, not."
    )


def pieces_of(table: str, rule: str, columns: Columns) -> list[Token]:
    """The pieces of a rule, from left to right, and an 'end'.

    Raises:
        DataError: at a character that has no place in a rule.
    """
    names = sorted((name for name in columns if name.strip()), key=len, reverse=True)
    found: list[Token] = []
    at = 0
    while rule[at:].strip():
        at += len(rule[at:]) - len(rule[at:].lstrip())
        token = _value_at(rule, at, found, columns) or _column_at(rule, at, found, names)
        found.append(token or _piece_at(table, rule, at))
        at = found[-1].stop
    return [*found, Token("end", "the end", at, at)]


def _column_at(rule: str, at: int, before: list[Token], names: list[str]) -> Token | None:
    """A column's whole name, spaces and brackets in it too, where a column may stand."""
    if before and (before[-1].kind == "sign" or before[-1].text in (",", "[")):
        return None
    if len(before) > 1 and before[-2].text == "in":
        return None
    for name in names:
        stop = at + len(name)
        if rule.startswith(name, at) and (stop == len(rule) or rule[stop] in _NAME_ENDS):
            return Token("column", name, at, stop)
    return None


def _value_at(rule: str, at: int, before: list[Token], columns: Columns) -> Token | None:
    """A value that the text column before the sign holds, whatever characters are in it."""
    if len(before) < 2 or before[-1].kind != "sign" or before[-2].kind != "column":
        return None
    values = columns[before[-2].text]
    if values.dtype.kind != "U":
        return None
    for value in sorted(np.unique(values).tolist(), key=len, reverse=True):
        stop = at + len(value)
        if value and rule.startswith(value, at) and _VALUE_ENDS.match(rule, stop):
            return Token("value", value, at, stop)
    return None


def _piece_at(table: str, rule: str, at: int) -> Token:
    match = _PIECE.match(rule, at)
    assert match is not None  # something other than blanks stands there
    kind = match.lastgroup or "bad"
    if kind == "bad":
        hint = "write == or !=" if match[kind] in "=!" else "a quotation mark is not closed"
        raise refusal(table, rule, f"{match[kind]!r} cannot be read: {hint}")
    if match[kind] in ("&", "&&", "|", "||", "~"):
        raise refusal(table, rule, f"{match[kind]!r} cannot be read: write and, or, not")
    return Token(kind, match[kind], match.start(kind), match.end(kind))
