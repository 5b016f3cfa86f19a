"""Operations on each number, as NumPy calls that write into a given array."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import special

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and what it is given."""
Build = Callable[[np.ndarray, Sequence[Any], Mapping[str, Any]], list[Call] | None]
"""(array to write, arguments, keyword arguments) → calls; None where it does not know the case."""


def operands(args: Sequence[Any]) -> list[Any]:
    """Arguments with numbers as arrays of the others' type, and arrays of one number without axes.

    NumPy is slower with plain numbers, and with axes of one entry.
    """
    dtype = next(each.dtype for each in args if isinstance(each, np.ndarray))
    if dtype.kind == "b":
        return list(args)
    found = [each if isinstance(each, np.ndarray) else np.asarray(each, dtype) for each in args]
    if any(each.ndim > 1 and each.size > 1 for each in found):
        found = [each.reshape(()) if each.size == 1 else each for each in found]
    return found


def ufunc(function: Callable[..., Any], most: int = 1) -> Build:
    """A function of at most so many arrays, number by number."""

    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        if kwargs or len(args) > most:
            return None
        return [(function, (*operands(args), out))]

    return build


def scaled(function: Callable[..., Any]) -> Build:
    """Addition or subtraction of a multiple, `alpha`."""

    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        alpha = kwargs.get("alpha", 1)
        first, second = operands(args)
        if alpha == 1:
            return [(function, (first, second, out))]
        scaled = np.empty_like(second)
        return [
            (np.multiply, (*operands((second, alpha)), scaled)),
            (function, (first, scaled, out)),
        ]

    return build


def reversed_subtract(
    out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Call] | None:
    x, y = operands(args[:2])
    return None if kwargs else [(np.subtract, (y, x, out))]


def copied(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return [(np.copyto, (out, args[0], "unsafe"))]


def clamp(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, least, most = (*args, None, None)[:3]
    least, most = kwargs.get("min", least), kwargs.get("max", most)
    bounds = (-np.inf if least is None else least, np.inf if most is None else most)
    # the method is the quickest; `np.maximum` takes three times as long
    return [(np.ndarray.clip, (*operands((x, *bounds)), out))]


def clamp_above(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return clamp(out, (args[0], None, args[1]), kwargs)


def relu(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return clamp(out, (args[0], 0.0), kwargs)


def power(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, exponent = args
    if exponent == 2:
        return [(np.multiply, (x, x, out))]
    return [(np.power, (*operands((x, exponent)), out))]


def gelu(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs.get("approximate", "none") != "none":
        return None
    x, share = args[0], np.empty_like(out)
    return [(special.ndtr, (x, share)), (np.multiply, (x, share, out))]


def softplus(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs or (len(args) > 1 and args[1] != 1):
        return None
    x, above = args[0], np.empty_like(out)
    # log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|); `np.logaddexp` takes ten times as long
    return [
        (np.abs, (x, out)),
        (np.negative, (out, out)),
        (np.exp, (out, out)),
        (np.add, (*operands((out, 1.0)), out)),
        (np.log, (out, out)),
        (np.ndarray.clip, (*operands((x, 0.0, np.inf)), above)),
        (np.add, (out, above, out)),
    ]


def lerp(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    start, end, weight = operands(args)
    return [
        (np.subtract, (end, start, out)),
        (np.multiply, (out, weight, out)),
        (np.add, (out, start, out)),
    ]


def addcmul(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs:
        return None
    return [(np.multiply, (args[1], args[2], out)), (np.add, (out, args[0], out))]


def where(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    condition, yes, no = args
    return [(_copy, (out, no)), (_copy_where, (out, yes, condition))]


def _copy(out: np.ndarray, source: Any) -> None:
    np.copyto(out, source)


def _copy_where(out: np.ndarray, source: Any, where: np.ndarray) -> None:
    np.copyto(out, source, where=where)
