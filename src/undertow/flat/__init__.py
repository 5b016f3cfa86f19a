"""Functions of tensors as flat programs of NumPy calls, for steps that must not wait."""

from undertow.flat.kernels import KERNELS
from undertow.flat.linear_maps import row
from undertow.flat.program import Program

__all__ = ["KERNELS", "Program", "row"]
