"""Rules for arguments: each check returns the value, or says what was given and what it must be."""

import sys
from collections.abc import Collection
from math import inf
from numbers import Real
from typing import Any

from undertow.errors import ModelError, UndertowError
from undertow.names import shown

Error = type[UndertowError]
FAR = 1000
"""From here on a bound is there for slips, and is said after the one that matters."""
MOST_SEED = 2**63 - 1
"""The highest seed: generators of NumPy and PyTorch both take it."""


def whole(
    name: str, value: Any, least: int, most: int | None = None, error: Error = ModelError
) -> int:
    """A whole number from `least` to `most` (None for no bound), as an int.

    Raises:
        error: for anything else, and for True and False.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or value % 1 or value < least or (most is not None and value > most):
        bounds = f"at least {least}"
        if most is not None:
            bounds = f"from {least} to {most}" if most < FAR else f"{bounds} and at most {most:,}"
        raise error(f"{name} is {shown(value)}: it must be a whole number, {bounds}.")
    return int(value)


def seed(name: str, value: Any, most: int = MOST_SEED, error: Error = ModelError) -> int:
    """A seed of a generator of random numbers: a whole number from 0 to `most`."""
    return whole(name, value, 0, most, error)


def number(
    name: str,
    value: Any,
    low: float = -inf,
    high: float = inf,
    above: bool = False,
    below: bool = False,
    unit: str = "",
    error: Error = ModelError,
) -> float:
    """A finite number from `low` to `high`; with `above` or `below` the bound itself is left out.

    Args:
        name: of the argument.
        value: what was given.
        low, high: bounds; infinite for none.
        above, below: the value must be above `low`, below `high`.
        unit: of the number, for the message ('seconds').
        error: what is raised.

    Raises:
        error: for anything else, and for True and False.
    """
    given: Any = value
    real = isinstance(value, Real) and not isinstance(value, bool) and -inf < given < inf
    if real and isinstance(value, int):
        real = abs(value) <= sys.float_info.max  # whole numbers have no infinity, floats end
    fits = (
        real
        and low <= value <= high
        and not ((above and value == low) or (below and value == high))
    )
    if not fits:
        rule = _rule(low, high, above, below)
        raise error(
            f"{name} is {shown(value)}: it must be a number{f' of {unit}' if unit else ''}{rule}."
        )
    return float(value)


def share(name: str, value: Any, error: Error = ModelError) -> float:
    """A share of something: from 0 up to, not including, 1."""
    return number(name, value, 0.0, 1.0, below=True, error=error)


def one_of(name: str, value: Any, choices: Collection[Any], error: Error = ModelError) -> Any:
    """One of `choices`.

    Raises:
        error: for anything else.
    """
    if value not in choices:
        raise error(f"{name} is {shown(value)}: it must be one of {', '.join(map(repr, choices))}.")
    return value


def pairs(name: str, value: Any, what: str, error: Error = ModelError) -> int:
    """An even width of at least 2, as an int.

    Args:
        name: of the argument.
        value: what was given.
        what: takes two coordinates each ('oscillators'), for the message.
        error: what is raised.

    Raises:
        error: for anything else, with the two nearest widths.
    """
    width = whole(name, value, 2, error=error)
    if width % 2:
        raise error(
            f"{name} is {shown(width)}: {what} take two coordinates each, so use "
            f"{shown(width - 1)} or {shown(width + 1)}."
        )
    return width


def _rule(low: float, high: float, above: bool, below: bool) -> str:
    """The bounds in words: ', above 0', ', from 0 up to, not including, 1'."""
    if high == inf:
        return "" if low == -inf else f", {'above' if above else 'at least'} {low:g}"
    if low == -inf:
        return f", {'below' if below else 'at most'} {high:g}"
    if high >= FAR:
        return f", {'above' if above else 'at least'} {low:g} and at most {high:g}"
    start = f"above {low:g}" if above else f"from {low:g}"
    if above and not below:
        return f", {start} and at most {high:g}"
    return f", {start} {f'up to, not including, {high:g}' if below else f'to {high:g}'}"
