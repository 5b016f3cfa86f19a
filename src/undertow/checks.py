"""Rules for arguments: each check returns the value, or says what was given and what it must be."""

from collections.abc import Collection
from math import inf
from numbers import Real
from typing import Any

from undertow.errors import ModelError, UndertowError
from undertow.names import shown

Error = type[UndertowError]


def whole(
    name: str, value: Any, least: int, most: int | None = None, error: Error = ModelError
) -> int:
    """A whole number from `least` to `most` (None for no bound), as an int.

    Raises:
        error: for anything else, and for True and False.
    """
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or value % 1 or value < least or (most is not None and value > most):
        bounds = f"at least {least}" if most is None else f"from {least} to {most}"
        raise error(f"{name} is {shown(value)}: it must be a whole number, {bounds}.")
    return int(value)


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
            f"{name} is {width}: {what} take two coordinates each, so use {width - 1} or "
            f"{width + 1}."
        )
    return width


def _rule(low: float, high: float, above: bool, below: bool) -> str:
    """The bounds in words: ', above 0', ', from 0 up to, not including, 1'."""
    if high == inf:
        return "" if low == -inf else f", {'above' if above else 'at least'} {low:g}"
    if low == -inf:
        return f", {'below' if below else 'at most'} {high:g}"
    start = f"above {low:g}" if above else f"from {low:g}"
    return f", {start} {f'up to, not including, {high:g}' if below else f'to {high:g}'}"
