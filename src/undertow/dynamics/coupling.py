"""Influences on units (oscillators, populations): from each other, and from external input."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from undertow.checks import one_of
from undertow.dynamics.limits import width
from undertow.errors import ModelError
from undertow.memory import check_memory

CouplingKind = Literal["matrix", "diffusive", "scalar", "none"]
START, START_INPUT = 0.1, 0.3


class Coupling(nn.Module):
    """Pull Σ_j K_ij(u) z_j on unit i, where K(u) = K₀ + Σ_m u_m K_m is learned and starts small.

    With `hidden` units it is K(u) = K₀ + W tanh(V u + c) + d instead: κ(u) and c(u) of ElGazzar &
    van Gerven are "modulated by the stimulus through a small neural network" (supplement 4).

    Args:
        units: number of units, N.
        input_dim: external inputs that modulate the coupling; 0 for a constant K.
        kind: 'matrix' (a full K); 'diffusive' (Σ_j K_ij (z_j − z_i)); 'scalar' (K = κ(u) times the
            identity: no coupling but a shift of each unit's growth rate, as eqs 8–9 of ElGazzar &
            van Gerven are printed); or 'none'.
        self_coupled: whether a 'matrix' has a diagonal.
        hidden: tanh units of a network of the input; 0 for none.
        linear: without a network K is linear in the input, else constant.

    Raises:
        ModelError: for an unknown kind, or a number of units out of range.
    """

    mask: Tensor

    def __init__(
        self,
        units: int,
        input_dim: int = 0,
        kind: CouplingKind = "matrix",
        self_coupled: bool = True,
        hidden: int = 0,
        linear: bool = True,
    ) -> None:
        super().__init__()
        one_of("coupling", kind, get_args(CouplingKind))
        self.units, self.kind = width("units", units), kind
        terms = width("coupling_network", hidden, 0) or width("input_dim", input_dim, 0)
        held = 4 * (2 + terms) * units**2
        check_memory(held, f"the coupling of {units} units", "use fewer units.", ModelError)
        size = {"none": 0, "scalar": 1}.get(kind, units)
        self.constant = _small(units, size, size) if size else None
        self.slope: nn.Parameter | None = None
        self.network: nn.Module | None = None
        if size and input_dim and hidden:
            self.network = _network(input_dim, hidden, size**2)
        elif size and input_dim and linear:
            self.slope = _small(units * input_dim, input_dim, size, size)
        self.full = kind == "matrix" and self_coupled
        eye = torch.eye(units)
        mask = {"none": torch.zeros_like(eye), "scalar": eye}.get(kind, 1 - eye)
        self.register_buffer("mask", torch.ones_like(eye) if self.full else mask, persistent=False)

    def matrix(self, u: Tensor | None = None) -> Tensor:
        """Matrix K(u), (…, N, N) for u (…, input_dim); K₀ without an input."""
        if self.constant is None:
            return self.mask
        strength = self._strength(self.constant, u)
        return strength if self.full else strength * self.mask

    def _strength(self, constant: Tensor, u: Tensor | None) -> Tensor:
        if u is None or (self.slope is None and self.network is None):
            return constant
        change = u @ self.slope.flatten(1) if self.network is None else self.network(u)  # type: ignore[union-attr]
        return constant + change.unflatten(-1, constant.shape)

    def shift(self, u: Tensor | None = None) -> Tensor | float:
        """Shift κ(u) of the growth rates by a 'scalar' coupling, (…, 1); else 0."""
        if self.kind != "scalar" or self.constant is None:
            return 0.0
        return self._strength(self.constant, u)[..., 0]

    def pull(self, z: Tensor, u: Tensor | None = None) -> Tensor:
        """Compute what the other units do to each unit, (…, kinds, N) as z.

        `z` may hold several kinds of coordinate at once.
        """
        if self.constant is None:
            return torch.zeros_like(z)
        k = self.matrix(u)
        pull = z @ k.transpose(-1, -2)
        return pull - k.sum(-1).unsqueeze(-2) * z if self.kind == "diffusive" else pull


class InputMap(nn.Module):
    """Input current B u with a learned B; zero without inputs, and where none is given.

    Args:
        input_dim: external inputs, zero or more.
        dim: width of what they drive.
    """

    def __init__(self, input_dim: int, dim: int) -> None:
        super().__init__()
        self.weight = (
            nn.Parameter(START_INPUT * torch.randn(dim, input_dim) / input_dim**0.5)
            if input_dim
            else None
        )

    def forward(self, u: Tensor | None) -> Tensor | float:
        """Compute B u, (…, dim), from u (…, input_dim)."""
        return 0.0 if self.weight is None or u is None else u @ self.weight.t()


def _network(input_dim: int, hidden: int, outputs: int) -> nn.Module:
    """A network of one hidden layer whose output starts small."""
    out = nn.Linear(hidden, outputs)
    with torch.no_grad():
        out.weight.mul_(START)
        out.bias.zero_()
    return nn.Sequential(nn.Linear(input_dim, hidden), nn.Tanh(), out)


def _small(fan_in: int, *shape: int) -> nn.Parameter:
    return nn.Parameter(START * torch.randn(shape) / fan_in**0.5)
