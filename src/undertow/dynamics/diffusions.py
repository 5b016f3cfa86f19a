"""Diffusion terms: how strongly noise enters each coordinate, always above zero."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.errors import ModelError

DiffusionKind = Literal["constant", "state", "input", "network", "full"]
HIDDEN = 64
"""Tanh units of the network of a diffusion, as in the paper's other networks."""
FLOOR = 1e-3
START = 0.3


class Diffusion(nn.Module, ABC):
    """Diffusion σ(x, u) = softplus(·) + 1e-3 of each coordinate; starts near 0.3.

    It is per √(internal time).

    Args:
        dim: noisy coordinates.
        input_dim: external inputs.
    """

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__()
        self.dim, self.input_dim = dim, input_dim

    @abstractmethod
    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Diffusion at state x (…, dim) and input u (…, inputs), broadcastable to x."""


class ConstantDiffusion(Diffusion):
    """One learned number per coordinate.

    It is the paper's "sparse connection layer with non-zero diagonal parameters only".
    """

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__(dim, input_dim)
        self.raw = nn.Parameter(torch.full((dim,), _inverse(START)))

    @torch.no_grad()
    def set_std(self, std: Tensor) -> None:
        """Set the diffusion of each coordinate, (dim,), at least twice its floor."""
        self.raw.copy_((std.clamp(min=2 * FLOOR) - FLOOR).expm1().log())

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        return F.softplus(self.raw) + FLOOR


class StateDiffusion(Diffusion):
    """Diffusion from a linear map of the state, through a softplus."""

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__(dim, input_dim)
        self.linear = _near_start(nn.Linear(dim, dim))

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        return F.softplus(self.linear(x)) + FLOOR


class InputDiffusion(Diffusion):
    """Diffusion from a linear map of the input, through a softplus.

    Raises:
        ModelError: without inputs.
    """

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__(dim, input_dim)
        if input_dim < 1:
            raise ModelError(
                "diffusion='input' needs an input: give a stimulus, or choose 'constant' or "
                "'state'."
            )
        self.linear = _near_start(nn.Linear(input_dim, dim))

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        given = x.new_zeros(self.input_dim) if u is None else u
        return F.softplus(self.linear(given)) + FLOOR


class NetworkDiffusion(Diffusion):
    """Diffusion from a network of state and input, of one hidden tanh layer, through a softplus.

    Σ_a and Σ_b of ElGazzar & van Gerven, eqs 8–9, "are neural networks".
    """

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__(dim, input_dim)
        self.hidden = nn.Linear(dim + input_dim, HIDDEN)
        self.linear = _near_start(nn.Linear(HIDDEN, dim))

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        given = x.new_zeros(*x.shape[:-1], self.input_dim) if u is None else u
        read = torch.cat([x, given], -1) if self.input_dim else x
        return F.softplus(self.linear(torch.tanh(self.hidden(read)))) + FLOOR


class FullDiffusion(Diffusion):
    """A learned, constant, lower triangular factor L: noise of covariance LLᵀ per internal time.

    What it gives as the diffusion of each coordinate is the root of the diagonal of LLᵀ.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, dim: int, input_dim: int = 0) -> None:
        super().__init__(dim, input_dim)
        self.raw = nn.Parameter(torch.full((dim,), _inverse(START)))
        rows, columns = torch.tril_indices(dim, dim, -1)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.below = nn.Parameter(torch.zeros(len(rows)))

    @property
    def factor(self) -> Tensor:
        """The factor L, (dim, dim)."""
        factor = torch.diag_embed(F.softplus(self.raw) + FLOOR)
        return factor.index_put((self.rows, self.columns), self.below)

    def forward(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.factor.square().sum(-1).sqrt()


DIFFUSIONS: dict[DiffusionKind, Callable[[int, int], Diffusion]] = {
    "constant": ConstantDiffusion,
    "state": StateDiffusion,
    "input": InputDiffusion,
    "network": NetworkDiffusion,
    "full": FullDiffusion,
}


def _inverse(value: float) -> float:
    """Invert the softplus with its floor: the number that it turns into `value`."""
    return math.log(math.expm1(value - FLOOR))


def _near_start(linear: nn.Linear) -> nn.Linear:
    with torch.no_grad():
        linear.weight.mul_(0.1)
        linear.bias.fill_(_inverse(START))
    return linear
