"""A potential that is learned freely: a small network in a bowl."""

import torch
from torch import Tensor, nn

from undertow.dynamics.potentials import Potential
from undertow.errors import ModelError


class MLPPotential(Potential):
    """U(z) = ½ k |z|² + aᵀ tanh(Bz + b): a one-layer network in a quadratic bowl that holds the
    positions.

    Far out the bowl wins, as the network is bounded; near the origin wells, barriers and any
    coupling can be learned.

    Args:
        dim: number of positions.
        width: units of the network.
        confinement: k, above zero.
    """

    def __init__(self, dim: int, width: int = 64, confinement: float = 0.5) -> None:
        super().__init__(dim)
        if not confinement > 0:
            raise ModelError(
                f"confinement is {confinement}: it must be above zero, or nothing holds the "
                "positions."
            )
        self.confinement = confinement
        self.hidden = nn.Linear(dim, width)
        self.weight = nn.Parameter(torch.randn(width) * 0.1)

    def energy(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        return (
            0.5 * self.confinement * z.square().sum(-1) + torch.tanh(self.hidden(z)) @ self.weight
        )

    def gradient(self, z: Tensor, x: Tensor | None = None) -> Tensor:
        """∇U in closed form: autograd would be differentiated a second time at every step."""
        slope = self.weight * (1 - torch.tanh(self.hidden(z)).square())
        return self.confinement * z + slope @ self.hidden.weight
