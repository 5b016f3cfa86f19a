"""Potentials U(z, x) of Langevin dynamics.

Any subclass with an `energy` can take the place of another.
"""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import whole
from undertow.dynamics import limits
from undertow.dynamics.limits import MOST_UNITS, constant
from undertow.errors import ModelError


class Potential(nn.Module, ABC):
    """Scalar energy of the positions, optionally of an input too.

    A subclass writes `energy`; the force comes from autograd.

    Attributes:
        reads_input: whether the energy depends on x; one that says no is spared it.
        reads: what x is in a model: the counts of the neurons it sees, or its encoder's state.
    """

    reads_input: ClassVar[bool] = True
    reads: ClassVar[Literal["counts", "context"]] = "counts"

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = limits.width("positions", dim)

    @abstractmethod
    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Compute U(z, x), one number per position: (…, dim) → (…)."""

    def gradient(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Compute ∇U at z, (…, dim)."""
        training = torch.is_grad_enabled()
        with torch.enable_grad():
            at = z if z.requires_grad else z.detach().requires_grad_()
            return torch.autograd.grad(self.energy(at, x).sum(), at, create_graph=training)[0]

    def stiffness(self) -> Tensor | None:
        """Matrix K of U(z, x) = ½ zᵀKz (+ zᵀf(x)) as blocks (blocks, dim / blocks, dim / blocks).

        None for any other U.
        """
        return None

    def curvature_bounds(self) -> tuple[float, float] | None:
        """Least and largest curvature that learning can give a direction; None if unknown."""
        return None

    def tilt(self, x: Tensor | None) -> Tensor | None:
        """Tilt f(x) of a quadratic potential by its input, (…, dim); None for one without input."""
        return None


class CoupledOscillatorPotential(Potential):
    """Chains of locally coupled oscillators, U(z) = zᵀ (W / ‖W‖) z, confining by construction.

    This is LangevinFlow eq. 2 with a positive definite W.

    Each of `groups` chains has its own symmetric Toeplitz W, a convolution of `taps` taps with zero
    padding. The kernel is the autocorrelation of (taps + 1) / 2 free taps plus a small share
    `confinement` on the centre tap, so W is positive definite and every direction is a well; it is
    divided by the maximum of its spectrum (on a 512-point grid), a differentiable upper bound of
    ‖W‖₂. Curvatures 2λ(W) therefore lie in (0, 2].

    Args:
        dim: number of positions, a multiple of `groups`.
        groups: independent chains.
        taps: odd kernel length.
        confinement: centre tap added, as a share of the kernel's own centre tap.
    """

    reads_input = False

    def __init__(self, dim: int, groups: int = 4, taps: int = 7, confinement: float = 0.05) -> None:
        super().__init__(dim)
        if dim % limits.width("groups", groups):
            raise ModelError(
                f"{dim} positions do not divide into {groups} oscillator groups: choose a multiple "
                f"of {groups}."
            )
        if limits.width("taps", taps) % 2 == 0:
            raise ModelError(f"taps is {taps}: the coupling kernel needs an odd number of taps.")
        self.groups, self.taps = groups, taps
        self.confinement = constant("confinement", confinement)
        start = torch.zeros(groups, (taps + 1) // 2)
        start[:, 0] = 1.0
        if taps > 1:
            start[:, 1] = -torch.linspace(0.3, 0.7, groups)
        self.factor = nn.Parameter(start)

    def kernel(self) -> Tensor:
        """One side of each symmetric kernel, normalised: lags 0 … (taps − 1) / 2.

        It is (groups, (taps + 1) / 2).
        """
        a = self.factor
        half = a.shape[1]
        lags = torch.stack([(a[:, : half - k] * a[:, k:]).sum(1) for k in range(half)], 1)
        lags = torch.cat([lags[:, :1] * (1 + self.confinement), lags[:, 1:]], 1)
        angle = torch.arange(257, dtype=a.dtype, device=a.device) * (2 * torch.pi / 512)
        cosines = torch.cos(
            angle[None] * torch.arange(half, dtype=a.dtype, device=a.device)[:, None]
        )
        weight = torch.full((half, 1), 2.0, dtype=a.dtype, device=a.device)
        weight[0] = 1.0
        spectrum = lags @ (weight * cosines)
        return lags / spectrum.amax(1, keepdim=True)

    def coupling(self) -> Tensor:
        """Matrix W / ‖W‖ of each group, (groups, dim / groups, dim / groups)."""
        kernel = self.kernel()
        index = torch.arange(self.dim // self.groups, device=kernel.device)
        lag = (index[:, None] - index[None]).abs()
        return F.pad(kernel, (0, 1))[:, lag.clamp(max=kernel.shape[1])]

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        blocks = z.unflatten(-1, (self.groups, -1))
        return torch.einsum("...gi,gij,...gj->...", blocks, self.coupling(), blocks)

    def gradient(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        blocks = z.unflatten(-1, (self.groups, -1))
        return 2 * torch.einsum("...gi,gij->...gj", blocks, self.coupling()).flatten(-2)

    def stiffness(self) -> Tensor:
        return 2 * self.coupling()

    def curvature_bounds(self) -> tuple[float, float]:
        return 1e-6, 2.0


class HarmonicPotential(Potential):
    """Independent wells, U(z) = ½ k |z|².

    They are the closed-form reference of the tests, and a model without coupling.
    """

    reads_input = False

    def __init__(self, dim: int, curvature: float = 1.0) -> None:
        super().__init__(dim)
        curvature = constant("curvature", curvature)
        self.log_curvature = nn.Parameter(torch.tensor(curvature).log())

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return 0.5 * self.log_curvature.exp() * z.square().sum(-1)

    def stiffness(self) -> Tensor:
        return self.log_curvature.exp().expand(self.dim, 1, 1)

    def curvature_bounds(self) -> tuple[float, float]:
        curvature = float(self.log_curvature.exp().detach())
        return curvature, curvature


class DoubleWellPotential(Potential):
    """Two wells per coordinate at z = ±1, with a barrier of height / 4 between them.

    Latents are then bistable, as in an attractor network.

    U(z) = (height / 4) Σ (z² − 1)² between the wells and height Σ (|z| − 1)² beyond them, which
    continues value, slope and curvature. A quartic all the way would outgrow any time step; here no
    curvature exceeds 2 · height.
    """

    reads_input = False

    def __init__(self, dim: int, height: float = 1.0) -> None:
        super().__init__(dim)
        self.height = constant("height", height)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        between, beyond = 0.25 * (z.square() - 1).square(), (z.abs() - 1).square()
        return self.height * torch.where(z.abs() <= 1, between, beyond).sum(-1)


class MLPPotential(Potential):
    """Network in a bowl, U(z) = ½ k |z|² + aᵀ tanh(Bz + b).

    The network has one layer; the quadratic bowl holds the positions.

    Far out the bowl wins, as the network is bounded; near the origin wells, barriers and any
    coupling can be learned.

    Args:
        dim: number of positions.
        width: units of the network.
        confinement: k, above zero.
    """

    reads_input = False

    def __init__(self, dim: int, width: int = 64, confinement: float = 0.5) -> None:
        super().__init__(dim)
        self.confinement = constant("confinement", confinement)
        units = whole("width", width, 1, MOST_UNITS)
        self.hidden = nn.Linear(dim, units)
        self.weight = nn.Parameter(torch.randn(units) * 0.1)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return (
            0.5 * self.confinement * z.square().sum(-1) + torch.tanh(self.hidden(z)) @ self.weight
        )

    def gradient(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Compute ∇U in closed form.

        The gradient from autograd would be differentiated a second time at every step.
        """
        slope = self.weight * (1 - torch.tanh(self.hidden(z)).square())
        return self.confinement * z + slope @ self.hidden.weight
