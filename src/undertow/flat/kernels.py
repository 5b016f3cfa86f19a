"""What each operation of torch is in NumPy."""

from typing import Any

import numpy as np
import torch
from scipy import special

from undertow.flat import arrays
from undertow.flat import elementwise as each
from undertow.flat.elementwise import Build, scaled, ufunc

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
FILLED = frozenset(
    {
        aten.full_like.default,
        aten.new_full.default,
        aten.new_ones.default,
        aten.new_zeros.default,
        aten.ones_like.default,
        aten.zeros_like.default,
    }
)
"""Operations whose result depends on the shape of what they are given alone."""

KERNELS: dict[Any, Build] = {
    aten.abs.default: ufunc(np.abs),
    aten.acos.default: ufunc(np.arccos),
    aten.add.Tensor: scaled(np.add),
    aten.addcmul.default: each.addcmul,
    aten.addmm.default: arrays.addmm,
    aten.atan2.default: ufunc(np.arctan2, 2),
    aten.bitwise_and.Tensor: ufunc(np.bitwise_and, 2),
    aten.bitwise_not.default: ufunc(np.bitwise_not),
    aten.bitwise_or.Tensor: ufunc(np.bitwise_or, 2),
    aten.bmm.default: ufunc(np.matmul, 2),
    aten.cat.default: arrays.concatenated,
    aten.clamp.default: each.clamp,
    aten.clamp_max.default: each.clamp_above,
    aten.clamp_min.default: each.clamp,
    aten.clone.default: each.copied,
    aten.constant_pad_nd.default: arrays.padded,
    aten.cos.default: ufunc(np.cos),
    aten.div.Tensor: ufunc(np.divide, 2),
    aten.eq.Scalar: ufunc(np.equal, 2),
    aten.erf.default: ufunc(special.erf),
    aten.exp.default: ufunc(np.exp),
    aten.expm1.default: ufunc(np.expm1),
    aten.flip.default: arrays.flipped,
    aten.gelu.default: each.gelu,
    aten.ge.Scalar: ufunc(np.greater_equal, 2),
    aten.gt.Scalar: ufunc(np.greater, 2),
    aten.gt.Tensor: ufunc(np.greater, 2),
    aten.index_select.default: arrays.taken,
    aten.le.Scalar: ufunc(np.less_equal, 2),
    aten.lerp.Tensor: each.lerp,
    aten.lerp.Scalar: each.lerp,
    aten.lgamma.default: ufunc(special.gammaln),
    aten.log.default: ufunc(np.log),
    aten.log1p.default: ufunc(np.log1p),
    aten.logical_and.default: ufunc(np.logical_and, 2),
    aten.logical_not.default: ufunc(np.logical_not),
    aten.lt.Scalar: ufunc(np.less, 2),
    aten.lt.Tensor: ufunc(np.less, 2),
    aten.maximum.default: ufunc(np.maximum, 2),
    aten.mean.default: arrays.reduced(mean=True),
    aten.mean.dim: arrays.reduced(mean=True),
    aten.minimum.default: ufunc(np.minimum, 2),
    aten.mm.default: arrays.mm,
    aten.mul.Scalar: ufunc(np.multiply, 2),
    aten.mul.Tensor: ufunc(np.multiply, 2),
    aten.native_layer_norm.default: arrays.layer_norm,
    aten.neg.default: ufunc(np.negative),
    aten.pow.Tensor_Scalar: each.power,
    aten.reciprocal.default: ufunc(np.reciprocal),
    aten.relu.default: each.relu,
    aten.rsub.Scalar: each.reversed_subtract,
    aten.sgn.default: ufunc(np.sign),
    aten.sigmoid.default: ufunc(special.expit),
    aten.sin.default: ufunc(np.sin),
    aten.softplus.default: each.softplus,
    aten._softmax.default: arrays.softmax,
    aten.sqrt.default: ufunc(np.sqrt),
    aten.square.default: ufunc(np.square),
    aten.stack.default: arrays.stacked,
    aten.sub.Tensor: scaled(np.subtract),
    aten.sum.default: arrays.reduced(),
    aten.sum.dim_IntList: arrays.reduced(),
    aten.tan.default: ufunc(np.tan),
    aten.tanh.default: ufunc(np.tanh),
    aten._to_copy.default: each.copied,
    aten.where.self: each.where,
}
"""What each operation of torch is in NumPy."""
ELEMENTWISE = frozenset(
    {aten.add.Tensor, aten.sub.Tensor, aten.mul.Tensor, aten.div.Tensor, aten.where.self}
)
"""Operations whose operands may be stretched beforehand to the shape of the result."""
