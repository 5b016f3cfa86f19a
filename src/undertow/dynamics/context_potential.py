"""A learned potential whose shape follows a context, such as an encoder's state."""

import torch
from torch import Tensor, nn

from undertow.checks import whole
from undertow.dynamics.limits import MOST_UNITS, constant
from undertow.dynamics.potentials import Potential


class ContextPotential(Potential):
    """Network of positions and context in a bowl, U(z, x) = ½ k |z|² + aᵀ tanh(Bz + Cx + b).

    Wells and barriers move, appear and vanish with the context x; the force stays the gradient of
    an energy at every moment. LangevinFlow (Sec. 5) names potentials that depend on the input as
    its next step; a tilt, as of `InputDrivenPotential`, only shifts the wells of a fixed landscape.

    Args:
        dim: number of positions.
        n_inputs: numbers of the context.
        width: units of the network.
        confinement: k, above zero.
    """

    reads = "context"

    def __init__(
        self, dim: int, n_inputs: int = 1, width: int = 64, confinement: float = 0.5
    ) -> None:
        super().__init__(dim)
        self.confinement = constant("confinement", confinement)
        units = whole("width", width, 1, MOST_UNITS)
        self.hidden = nn.Linear(dim, units)
        self.context = nn.Linear(whole("n_inputs", n_inputs, 1, MOST_UNITS), units, bias=False)
        self.weight = nn.Parameter(torch.randn(units) * 0.1)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return 0.5 * self.confinement * z.square().sum(-1) + self._units(z, x) @ self.weight

    def gradient(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """Compute ∇U in closed form."""
        slope = self.weight * (1 - self._units(z, x).square())
        return self.confinement * z + slope @ self.hidden.weight

    def _units(self, z: Tensor, x: Tensor | None) -> Tensor:
        drive = self.hidden(z)
        return torch.tanh(drive if x is None else drive + self.context(x))
