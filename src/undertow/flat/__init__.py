"""Functions of tensors as flat programs of NumPy calls, for steps that must not wait."""

from undertow.flat.kernels import KERNELS
from undertow.flat.program import Program, row

__all__ = ["KERNELS", "Program", "row"]
