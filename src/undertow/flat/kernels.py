"""Operations of torch as NumPy calls that write into a given array."""

from collections.abc import Callable, Mapping, Sequence
from math import sqrt
from typing import Any

import numpy as np
import torch
from scipy import special

Call = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and what it is given."""
Build = Callable[[np.ndarray, Sequence[Any], Mapping[str, Any]], list[Call] | None]
"""(array to write, arguments, keyword arguments) → calls; None where it does not know the case."""
aten = torch.ops.aten

VIEWS = frozenset(
    {
        aten.alias.default,
        aten.detach.default,
        aten.diagonal.default,
        aten.expand.default,
        aten.permute.default,
        aten.select.int,
        aten.slice.Tensor,
        aten.split.Tensor,
        aten.split_with_sizes.default,
        aten.squeeze.default,
        aten.squeeze.dim,
        aten.squeeze.dims,
        aten.t.default,
        aten.transpose.int,
        aten.unbind.int,
        aten.unsqueeze.default,
        aten.view.default,
        aten._unsafe_view.default,
        aten.reshape.default,
    }
)
"""Operations that look at memory in another way, where they can."""


def _operands(args: Sequence[Any]) -> list[Any]:
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


def _ufunc(function: Callable[..., Any], operands: int = 1) -> Build:
    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        if kwargs or len(args) > operands:
            return None
        return [(function, (*_operands(args), out))]

    return build


def _scaled(function: Callable[..., Any]) -> Build:
    """Addition or subtraction of a multiple, `alpha`."""

    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        alpha = kwargs.get("alpha", 1)
        first, second = _operands(args)
        if alpha == 1:
            return [(function, (first, second, out))]
        scaled = np.empty_like(second)
        return [
            (np.multiply, (*_operands((second, alpha)), scaled)),
            (function, (first, scaled, out)),
        ]

    return build


def _reversed_subtract(
    out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> list[Call] | None:
    x, y = _operands(args[:2])
    return None if kwargs else [(np.subtract, (y, x, out))]


def _copied(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return [(np.copyto, (out, args[0], "unsafe"))]


def _product(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> Call:
    """A matrix product, as that of a vector where x has one row: BLAS is quicker at it."""
    if x.shape[0] == 1 and out.flags.c_contiguous and x.flags.c_contiguous:
        return np.dot, (x.reshape(-1), y, out.reshape(-1))
    if out.flags.c_contiguous:
        return np.dot, (x, y, out)
    return np.matmul, (x, y, out)


def _addmm(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs:
        return None
    bias, x, y = args
    return [_product(x, y, out), (np.add, (out, bias, out))]


def _mm(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return [_product(args[0], args[1], out)]


def _clamp(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, least, most = (*args, None, None)[:3]
    least, most = kwargs.get("min", least), kwargs.get("max", most)
    bounds = (-np.inf if least is None else least, np.inf if most is None else most)
    # the method is the quickest; `np.maximum` takes three times as long
    return [(np.ndarray.clip, (*_operands((x, *bounds)), out))]


def _clamp_above(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return _clamp(out, (args[0], None, args[1]), kwargs)


def _relu(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    return _clamp(out, (args[0], 0.0), kwargs)


def _power(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, exponent = args
    if exponent == 2:
        return [(np.multiply, (x, x, out))]
    return [(np.power, (*_operands((x, exponent)), out))]


def _gelu(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs.get("approximate", "none") != "none":
        return None
    x, share = args[0], np.empty_like(out)
    return [(special.ndtr, (x, share)), (np.multiply, (x, share, out))]


def _softplus(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs or (len(args) > 1 and args[1] != 1):
        return None
    x, above = args[0], np.empty_like(out)
    # log(1 + eˣ) = max(x, 0) + log(1 + e^−|x|); `np.logaddexp` takes ten times as long
    return [
        (np.abs, (x, out)),
        (np.negative, (out, out)),
        (np.exp, (out, out)),
        (np.add, (*_operands((out, 1.0)), out)),
        (np.log, (out, out)),
        (np.ndarray.clip, (*_operands((x, 0.0, np.inf)), above)),
        (np.add, (out, above, out)),
    ]


def _lerp(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    start, end, weight = _operands(args)
    return [
        (np.subtract, (end, start, out)),
        (np.multiply, (out, weight, out)),
        (np.add, (out, start, out)),
    ]


def _addcmul(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
    if kwargs:
        return None
    return [(np.multiply, (args[1], args[2], out)), (np.add, (out, args[0], out))]


def _where(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    condition, yes, no = args
    return [(_copy, (out, no)), (_copy_where, (out, yes, condition))]


def _copy(out: np.ndarray, source: Any) -> None:
    np.copyto(out, source)


def _copy_where(out: np.ndarray, source: Any, where: np.ndarray) -> None:
    np.copyto(out, source, where=where)


def _concatenated(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    if len(args[0]) == 1:
        return [(np.copyto, (out, args[0][0]))]
    return [(np.concatenate, (tuple(args[0]), axis, out))]


def _stacked(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    axis = args[1] if len(args) > 1 else kwargs.get("dim", 0)
    return [(np.stack, (tuple(args[0]), axis, out))]


def _padded(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
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
        calls.append((np.multiply, (*_operands((out, share)), out)))
    return calls


def _reduced(mean: bool = False) -> Build:
    def build(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call] | None:
        x, axes, keep = (*args, None, False)[:3]
        if kwargs.get("dtype") is not None:
            return None
        share = out.size / x.size if mean else 1.0
        return _sum(x, axes, bool(keep), out, share)

    return build


def _softmax(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, axis = args[0], args[1]
    each = np.empty_like(np.max(x, axis=axis, keepdims=True))
    return [
        (np.maximum.reduce, (x, axis, None, each, True)),
        (np.subtract, (x, each, out)),
        (np.exp, (out, out)),
        *_sum(out, axis, True, each),
        (np.divide, (out, each, out)),
    ]


def _layer_norm(
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
            (np.add, (*_operands((moment, least)), moment)),
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


def _taken(out: np.ndarray, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Call]:
    x, axis, index = args
    return [(np.take, (x, index, axis, out, "clip"))]


KERNELS: dict[Any, Build] = {
    aten.abs.default: _ufunc(np.abs),
    aten.acos.default: _ufunc(np.arccos),
    aten.add.Tensor: _scaled(np.add),
    aten.addcmul.default: _addcmul,
    aten.addmm.default: _addmm,
    aten.atan2.default: _ufunc(np.arctan2, 2),
    aten.bmm.default: _ufunc(np.matmul, 2),
    aten.cat.default: _concatenated,
    aten.clamp.default: _clamp,
    aten.clamp_max.default: _clamp_above,
    aten.clamp_min.default: _clamp,
    aten.clone.default: _copied,
    aten.constant_pad_nd.default: _padded,
    aten.cos.default: _ufunc(np.cos),
    aten.div.Tensor: _ufunc(np.divide, 2),
    aten.eq.Scalar: _ufunc(np.equal, 2),
    aten.erf.default: _ufunc(special.erf),
    aten.exp.default: _ufunc(np.exp),
    aten.expm1.default: _ufunc(np.expm1),
    aten.gelu.default: _gelu,
    aten.ge.Scalar: _ufunc(np.greater_equal, 2),
    aten.gt.Scalar: _ufunc(np.greater, 2),
    aten.gt.Tensor: _ufunc(np.greater, 2),
    aten.index_select.default: _taken,
    aten.le.Scalar: _ufunc(np.less_equal, 2),
    aten.lerp.Tensor: _lerp,
    aten.lerp.Scalar: _lerp,
    aten.lgamma.default: _ufunc(special.gammaln),
    aten.log.default: _ufunc(np.log),
    aten.log1p.default: _ufunc(np.log1p),
    aten.logical_and.default: _ufunc(np.logical_and, 2),
    aten.logical_not.default: _ufunc(np.logical_not),
    aten.lt.Scalar: _ufunc(np.less, 2),
    aten.lt.Tensor: _ufunc(np.less, 2),
    aten.maximum.default: _ufunc(np.maximum, 2),
    aten.mean.default: _reduced(mean=True),
    aten.mean.dim: _reduced(mean=True),
    aten.minimum.default: _ufunc(np.minimum, 2),
    aten.mm.default: _mm,
    aten.mul.Tensor: _ufunc(np.multiply, 2),
    aten.native_layer_norm.default: _layer_norm,
    aten.neg.default: _ufunc(np.negative),
    aten.pow.Tensor_Scalar: _power,
    aten.reciprocal.default: _ufunc(np.reciprocal),
    aten.relu.default: _relu,
    aten.rsub.Scalar: _reversed_subtract,
    aten.sigmoid.default: _ufunc(special.expit),
    aten.sin.default: _ufunc(np.sin),
    aten.softplus.default: _softplus,
    aten._softmax.default: _softmax,
    aten.sqrt.default: _ufunc(np.sqrt),
    aten.square.default: _ufunc(np.square),
    aten.stack.default: _stacked,
    aten.sub.Tensor: _scaled(np.subtract),
    aten.sum.default: _reduced(),
    aten.sum.dim_IntList: _reduced(),
    aten.tan.default: _ufunc(np.tan),
    aten.tanh.default: _ufunc(np.tanh),
    aten._to_copy.default: _copied,
    aten.where.self: _where,
}
"""What each operation of torch is in NumPy."""
ELEMENTWISE = frozenset(
    {aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor, aten.where.self}
)
"""Operations whose operands may be stretched beforehand to the shape of the result."""
