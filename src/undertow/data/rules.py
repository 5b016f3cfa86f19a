"""Rules: which rows of a table are kept, such as ``outcome==hit and (rt<0.8 or isnan(rt))``.

A rule is read by the small grammar below and never run as code:

    either     = both {"or" both}
    both       = one {"and" one}
    one        = "not" one | "(" either ")" | "isnan(" column ")" | column of true and false
               | column sign value {sign value} | column ["not"] "in" "(" value {"," value} ")"
    sign       = "==" | "!=" | ">=" | "<=" | ">" | "<"
    value      = a number, true, false, words, or 'quoted text'
"""

import operator
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from undertow.data.rule_pieces import Columns, Token, pieces_of, refusal
from undertow.errors import DataError
from undertow.names import listed, nearest, printable

Mask = np.ndarray
MOST_CHARACTERS, MOST_NESTED = 2000, 40
SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
TURNED = {">=": "<=", "<=": ">=", ">": "<", "<": ">", "==": "==", "!=": "!="}
KEYWORDS = ("and", "or", "not", "in")
MISSING_TESTS = ("isnan", "missing")
NO_VALUES = ("nan", "none", "null")


def rows_of(table: str, rule: str, columns: Columns) -> Mask:
    """True for the rows of a table that follow a rule.

    A missing value (NaN) fulfils no comparison but ``!=``.

    Args:
        table: 'trials' or 'units', for messages.
        rule: see the grammar above. A column of text is compared by ==, != and in; words need no
            quotes. Columns of numbers compare with each other too.
        columns: of the table, name → one value a row.

    Raises:
        DataError: for a rule that cannot be read, an unknown column, or a comparison of numbers
            with text.
    """
    if len(rule) > MOST_CHARACTERS:
        raise DataError(
            f"the rule for the {table} has {len(rule)} characters: {MOST_CHARACTERS} are the most."
        )
    return _Reader(table, rule, columns).read()


def mentioned(rule: str, columns: Columns) -> str:
    """What the text columns that a rule names hold: 'side holds left, right'."""
    named = [n for n in columns if n in rule and columns[n].dtype.kind == "U"][:2]
    return "; ".join(f"{n} holds {listed(np.unique(columns[n]).tolist())}" for n in named)


class _Reader:
    """A recursive descent over the pieces of one rule."""

    def __init__(self, table: str, rule: str, columns: Columns) -> None:
        self.table, self.rule, self.columns = table, rule, columns
        self.tokens = pieces_of(table, rule, columns)
        self.position = self.nested = 0

    def read(self) -> Mask:
        mask = self._either()
        if self._next().kind != "end":
            self._refuse(f"{self._next().text!r} follows where the rule could end")
        return mask

    def _next(self) -> Token:
        return self.tokens[self.position]

    def _take(self, *texts: str, kind: str | None = None) -> Token | None:
        """The next piece, where it is one of these."""
        token = self._next()
        fits = token.text in texts if kind is None else token.kind == kind
        if token.kind == "end" or not fits or (texts and token.kind == "quoted"):
            return None
        self.position += 1
        return token

    # --- grammar ------------------------------------------------------------------------------

    def _either(self) -> Mask:
        mask = self._both()
        while self._take("or"):
            mask = mask | self._both()
        return mask

    def _both(self) -> Mask:
        mask = self._one()
        while self._take("and"):
            mask = mask & self._one()
        return mask

    def _one(self) -> Mask:
        self.nested += 1
        if self.nested > MOST_NESTED:
            self._refuse(f"it is nested more than {MOST_NESTED} deep")
        mask = self._inner()
        self.nested -= 1
        return mask

    def _inner(self) -> Mask:
        if self._take("not"):
            return ~self._one()
        if self._take("("):
            mask = self._either()
            self._need(")")
            return mask
        if self._next().text in MISSING_TESTS and self.tokens[self.position + 1].text == "(":
            return self._missing()
        return self._comparison()

    def _missing(self) -> Mask:
        self.position += 2
        values = self._column(self._operand())
        self._need(")")
        if values.dtype.kind == "U":
            return np.isin(np.char.lower(np.char.strip(values)), ("", *NO_VALUES))
        return np.isnan(values.astype(float))

    def _comparison(self) -> Mask:
        left = self._operand()
        denied = bool(self._take("not"))
        if self._take("in"):
            mask = np.logical_or.reduce([self._compare(left, "==", v) for v in self._values()])
            return ~mask if denied else mask
        if denied or self._next().kind != "sign":
            return self._truth(left)
        mask = np.ones(self._n_rows(), bool)
        while sign := self._take(kind="sign"):
            right = self._operand()
            mask &= self._compare(left, sign.text, right)
            left = right
        return mask

    def _operand(self) -> Token:
        """A column, quoted text, or words up to the next keyword, as they are written."""
        if self._next().kind in ("column", "quoted", "value"):
            self.position += 1
            return self.tokens[self.position - 1]
        words = []
        while self._next().kind == "word" and self._next().text not in KEYWORDS:
            words.append(self._next())
            self.position += 1
        if not words:
            self._refuse(f"a column or a value is missing before {self._next().text!r}")
        text = self.rule[words[0].start : words[-1].stop]
        return Token("word", text, words[0].start, words[-1].stop)

    def _values(self) -> list[Token]:
        closing = {"(": ")", "[": "]"}.get(self._next().text)
        if closing is None:
            self._refuse("a list in brackets must follow 'in', such as in (left, right)")
        self.position += 1
        values = [self._operand()]
        while self._take(","):
            values.append(self._operand())
        self._need(closing)
        return values

    def _need(self, mark: str | None) -> None:
        if mark is None or not self._take(mark):
            self._refuse(f"{mark!r} is missing before {self._next().text!r}")

    # --- comparisons --------------------------------------------------------------------------

    def _truth(self, token: Token) -> Mask:
        values = self._column(token)
        # true, false and missing ones among them are numbers
        if values.dtype.kind == "U" or not np.isin(values[values == values], (0, 1)).all():
            self._refuse(f"{printable(token.text)!r} stands alone: compare it with a value")
        return np.asarray(values == 1)

    def _compare(self, left: Token, sign: str, right: Token) -> Mask:
        if right.text in self.columns and self._is_value(left):
            left, right, sign = right, left, TURNED[sign]
        values = self._column(left)
        if values.dtype.kind == "U":
            return self._compare_text(left.text, values, sign, right.plain)
        return np.asarray(SIGNS[sign](values.astype(float), self._number(left, right)))

    def _is_value(self, token: Token) -> bool:
        """Quoted text or a number, which no column is named by."""
        if token.text in self.columns or token.plain in self.columns:
            return False
        return token.kind == "quoted" or _as_number(token.text) is not None

    def _compare_text(self, name: str, values: np.ndarray, sign: str, text: str) -> Mask:
        if sign not in ("==", "!="):
            raise DataError(
                f"column {printable(name)!r} of the {self.table} holds text: compare it by == or "
                "!=, or by in (…, …)."
            )
        return np.asarray(SIGNS[sign](values, text))

    def _number(self, left: Token, right: Token) -> Any:
        """The number that a column of numbers is compared with, or the column."""
        if right.plain.lower() in NO_VALUES:
            self._refuse(f"nothing equals a missing value: write isnan({left.text})")
        if (number := _as_number(right.plain)) is not None:
            return number
        other = self.columns.get(right.text) if right.kind != "quoted" else None
        if other is not None and other.dtype.kind in "biuf":
            return other.astype(float)
        raise DataError(
            f"the rule {printable(self.rule)!r} compares numbers with {printable(right.plain)!r} "
            f"({printable(left.text)} holds numbers): give a number, true or false."
        )

    def _column(self, token: Token) -> np.ndarray:
        name = token.plain
        if name not in self.columns:
            near = nearest(name, self.columns)
            raise DataError(
                f"the {self.table} have no column {printable(name)!r}: there is "
                f"{listed(self.columns)}{f'; {near}' if near.startswith('did') else '.'}"
            )
        values = self.columns[name]
        if values.dtype.kind not in "biufU":
            self._refuse(f"column {printable(name)!r} holds {values.dtype}: no numbers or text")
        return values

    def _n_rows(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def _refuse(self, why: str) -> NoReturn:
        raise refusal(self.table, self.rule, why)


def _as_number(text: str) -> float | None:
    truth = {"true": 1.0, "false": 0.0}
    try:
        return truth[text.lower()] if text.lower() in truth else float(text)
    except ValueError:
        return None
