"""Products, sums and layouts of arrays, as NumPy calls that write into a given array."""

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np

from undertow.flat.elementwise import Build, Call, operands


def _product(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> Call:
    """A matrix product, as that of a vector where x has one row: BLAS is quicker at it."""
    if x.shape[0] == 1 and out.flags.c_contiguous and x.flags.c_contiguous:
        return np.dot, (x.reshape(-1), y, out.reshape(-1))
    if out.flags.c_contiguous:
        return np.dot, (x, y, out)
    return np.matmul, (x, y, out)


def addmm(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs:
        return None
    bias, x, y = args
    return [_product(x, y, out), (np.add, (out, bias, out))]


def mm(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return [_product(args[0], args[1], out)]


def concatenated(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if len(args[0]) == 1:
        return [(np.copyto, (out, args[0][0]))]
    return [(np.concatenate, (tuple(args[0]), axis, out))]


def stacked(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    return [(np.stack, (tuple(args[0]), axis, out))]


def padded(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    x, widths, value = (*args, 0.0)[:3]
    if any(width < 0 for width in widths):
        return None
    out[...] = value
    place = [slice(None)] * x.ndim
    for axis, (before, after) in enumerate(zip(widths[::2], widths[1::2], strict=True)):
        place[-1 - axis] = slice(before, out.shape[-1 - axis] - after)
    return [(np.copyto, (out[tuple(place)], x))]


def _axes(axes: Any) -> int | tuple[int, ...] | None:
    if axes is None or isinstance(axes, int):
        return axes
    return tuple(axes) or None


def _sum(x: np.ndarray, axes: Any, keep: bool, out: np.ndarray, share: float = 1.0) -> list[Call]:
    """Sums over axes times a share; over the first or the last axis they are a product."""
    axis = _axes(axes)
    first, last = axis in (0, (0,)), axis in (-1, x.ndim - 1, (-1,), (x.ndim - 1,))
    if x.ndim > 1 and x.flags.c_contiguous and x.dtype.kind == "f" and (first or last):
        size = x.shape[0 if first else -1]
        shares = np.full(size, share, x.dtype)
        if first:
            return [(np.dot, (shares, x.reshape(size, -1), out.reshape(-1)))]
        return [(np.dot, (x.reshape(-1, size), shares, out.reshape(-1)))]
    calls: list[Call] = [(np.add.reduce, (x, axis, None, out, keep))]
    if share != 1:
        calls.append((np.multiply, (*operands((out, share)), out)))
    return calls


def reduced(mean: bool = False) -> Build:
    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        x, axes, keep = (*args, None, False)[:3]
        if kwargs.get("dtype") is not None:
            return None
        share = out.size / x.size if mean else 1.0
        return _sum(x, axes, bool(keep), out, share)

    return build


def softmax(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, axis = args[0], args[1]
    each = np.empty_like(np.max(x, axis=axis, keepdims=True))
    return [
        (np.maximum.reduce, (x, axis, None, each, True)),
        (np.subtract, (x, each, out)),
        (np.exp, (out, out)),
        *_sum(out, axis, True, each),
        (np.divide, (out, each, out)),
    ]


def layer_norm(
    out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Call] | None:
    x, shape, weight, bias, least = args
    size = shape[0]
    if len(shape) != 1:
        return None
    shares = np.full(size, 1 / size, out.dtype)
    calls: list[Call]
    if x.size == size:
        calls = [(_normalise_row, (x.reshape(-1), shares, least, out.reshape(-1)))]
    else:
        square, moment = np.empty_like(out), np.empty(x.shape[:-1], out.dtype)
        calls = [
            # a product with 1/n is the quickest mean
            (np.dot, (x, shares, moment)),
            (np.subtract, (x, moment[..., None], out)),
            (np.multiply, (out, out, square)),
            (np.dot, (square, shares, moment)),
            (np.add, (*operands((moment, least)), moment)),
            (np.sqrt, (moment, moment)),
            (np.divide, (out, moment[..., None], out)),
        ]
    if weight is not None:
        calls.append((np.multiply, (out, weight, out)))
    if bias is not None:
        calls.append((np.add, (out, bias, out)))
    return calls


def _normalise_row(x: np.ndarray, shares: np.ndarray, least: float, out: np.ndarray) -> None:
    np.subtract(x, x.dot(shares), out)
    np.multiply(out, 1 / sqrt(out.dot(out) / len(x) + least), out)


def taken(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, axis, index = args
    return [(np.take, (x, index, axis, out, "clip"))]


def flipped(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return [(np.copyto, (out, np.flip(args[0], tuple(args[1]))))]
