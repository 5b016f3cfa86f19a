"""Oscillator potentials of the published LangevinFlow, and one driven by the input.

The former follow the paper and the code released with it.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import whole
from undertow.dynamics.limits import MOST_UNITS, width
from undertow.dynamics.potentials import CoupledOscillatorPotential, Potential
from undertow.errors import ModelError


class FreeOscillatorPotential(Potential):
    """Free oscillator chains, U(z) = zᵀ (W / ‖W‖₂) z (LangevinFlow eq. 2, as printed).

    Each group has a free symmetric Toeplitz W.

    Nothing keeps W positive: directions of negative curvature are hills, down which z runs away.

    Args:
        dim: number of positions, a multiple of `groups`.
        groups: independent chains.
        taps: odd kernel length; zero padding of (taps − 1) / 2.
    """

    reads_input = False

    def __init__(self, dim: int, groups: int = 4, taps: int = 7) -> None:
        super().__init__(dim)
        if dim % width("groups", groups):
            raise ModelError(
                f"{dim} positions do not divide into {groups} groups: choose a multiple of "
                f"{groups}."
            )
        if width("taps", taps) % 2 == 0:
            raise ModelError(f"taps is {taps}: the coupling kernel needs an odd number of taps.")
        self.groups = groups
        start = torch.randn(groups, (taps + 1) // 2) / taps
        start[:, 0] += 1.0
        self.kernel = nn.Parameter(start)

    def coupling(self) -> Tensor:
        """Matrix W / ‖W‖₂ of each group, (groups, dim / groups, dim / groups).

        ‖W‖₂ is |wᵀWw| with the extreme eigenvector w held fixed: its exact derivative, without one
        through `eigh`.
        """
        index = torch.arange(self.dim // self.groups, device=self.kernel.device)
        lag = (index[:, None] - index[None]).abs()
        coupling = F.pad(self.kernel, (0, 1))[:, lag.clamp(max=self.kernel.shape[1])]
        values, vectors = torch.linalg.eigh(coupling.detach())
        extreme = values.abs().argmax(-1)
        w = vectors[torch.arange(self.groups, device=lag.device), :, extreme]
        norm = torch.einsum("gi,gij,gj->g", w, coupling, w).abs()
        return coupling / norm[:, None, None]

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        blocks = z.unflatten(-1, (self.groups, -1))
        return torch.einsum("...gi,gij,...gj->...", blocks, self.coupling(), blocks)

    def stiffness(self) -> Tensor:
        return 2 * self.coupling()

    def curvature_bounds(self) -> tuple[float, float]:
        return -2.0, 2.0


class MixedOscillatorPotential(Potential):
    """Mixed channels, U(z) = zᵀ C z with a convolution C, as in LangevinFlow's released code.

    The positions are `channels` channels; each of the channels² kernels is divided by its own L2
    norm and starts at zero, where that division has a gradient of order 10¹². C is not symmetric:
    the curvature is that of C + Cᵀ.

    Args:
        dim: number of positions, a multiple of `channels`.
        channels: convolution channels.
        taps: odd kernel length; zero padding of (taps − 1) / 2.
    """

    reads_input = False

    def __init__(self, dim: int, channels: int = 4, taps: int = 3) -> None:
        super().__init__(dim)
        if dim % width("channels", channels):
            raise ModelError(
                f"{dim} positions do not divide into {channels} channels: choose a multiple of "
                f"{channels}."
            )
        if width("taps", taps) % 2 == 0:
            raise ModelError(f"taps is {taps}: the coupling kernel needs an odd number of taps.")
        self.channels, self.taps = channels, taps
        self.kernel = nn.Parameter(torch.zeros(channels, channels, taps))

    def coupling(self) -> Tensor:
        """Matrix C, acting from the left, (dim, dim)."""
        kernel, n = F.normalize(self.kernel, dim=-1), self.dim // self.channels
        index = torch.arange(n, device=kernel.device)
        tap = index[None] - index[:, None] + self.taps // 2
        inside = (tap >= 0) & (tap < self.taps)
        blocks = kernel[:, :, tap.clamp(0, self.taps - 1)] * inside
        return blocks.transpose(1, 2).reshape(self.dim, self.dim)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return (z * (z @ self.coupling().t())).sum(-1)

    def stiffness(self) -> Tensor:
        coupling = self.coupling()
        return (coupling + coupling.t())[None]

    def curvature_bounds(self) -> tuple[float, float]:
        largest = 2 * self.channels * self.taps**0.5  # |spectrum| of a unit kernel is at most √taps
        return -largest, largest


class InputDrivenPotential(Potential):
    """Potential tilted by the input, U(z, x) = U(z) + zᵀ W_x x (LangevinFlow, Baseline 4).

    Args:
        dim: number of positions.
        n_inputs: inputs x, the counts of the neurons the encoder sees.
        base: builds U(z).
    """

    def __init__(
        self,
        dim: int,
        n_inputs: int = 1,
        base: Callable[[int], Potential] = CoupledOscillatorPotential,
    ) -> None:
        super().__init__(dim)
        n_inputs = whole("n_inputs", n_inputs, 1, MOST_UNITS)
        self.base = base(dim)
        self.weight = nn.Parameter(torch.randn(dim, n_inputs) * 0.1 / n_inputs**0.5)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        tilt = self.tilt(x)
        return (
            self.base.energy(z, x) if tilt is None else self.base.energy(z, x) + (z * tilt).sum(-1)
        )

    def stiffness(self) -> Tensor | None:
        return self.base.stiffness()

    def curvature_bounds(self) -> tuple[float, float] | None:
        return self.base.curvature_bounds()

    def tilt(self, x: Tensor | None) -> Tensor | None:
        return None if x is None else x @ self.weight.t()
