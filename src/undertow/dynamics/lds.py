"""Linear dynamical system, stepped bin by bin."""

import torch
from torch import Tensor, nn

from undertow.dynamics.coupling import InputMap
from undertow.dynamics.diffusions import ConstantDiffusion
from undertow.dynamics.discrete import DiscreteDynamics
from undertow.dynamics.growth import eigenvalues, refuse_growth

START_RADIUS = 0.9
LARGEST_START_ANGLE = 0.5


class LDS(DiscreteDynamics):
    """Linear system x' = A x + B u + b + σ η.

    There is one σ per coordinate (softplus + 1e-3, near 0.3 at the start).

    A starts as a contraction by 0.9 that turns the pairs of coordinates by angles from 0 to 0.5 rad
    a bin; an odd last coordinate only decays. The bin width is part of the model, see
    `DiscreteDynamics`.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        noise: False for the noise-free recursion.
        timescale_s: see `DiscreteDynamics`.
        allow_unstable: run an A that grows without bound, instead of refusing it.

    Attributes:
        transition: A, (state_dim, state_dim).
        input_map: B, its `weight` (state_dim, input_dim); None without inputs.
        offset: b, (state_dim,).

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        noise: bool = True,
        timescale_s: float | None = None,
        allow_unstable: bool = False,
    ) -> None:
        super().__init__(state_dim, input_dim, state_dim if noise else 0, timescale_s)
        self.allow_unstable = allow_unstable
        self.transition = nn.Parameter(START_RADIUS * _turning(self.state_dim))
        self.input_map = InputMap(input_dim, self.state_dim)
        self.offset = nn.Parameter(torch.zeros(self.state_dim))
        self.diffusivity = ConstantDiffusion(self.state_dim) if noise else None

    def next_mean(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        mean: Tensor = x @ self.transition.t() + self.offset + self.input_map(u)
        return mean

    def next_std(self, x: Tensor) -> Tensor:
        if self.diffusivity is None:
            return x.new_zeros(0)
        std: Tensor = self.diffusivity(x)
        return std

    def spectral_radius(self) -> float:
        """Factor by which the fastest-growing state grows in a bin."""
        return float(eigenvalues(self.transition, "the transition matrix").abs().max())

    def check_stable(self, bin_s: float) -> None:
        """Raise where paths grow a thousandfold within 10,000 bins; silent with `allow_unstable`.

        Raises:
            StabilityError: naming the spectral radius of A and the bins it takes.
        """
        if not self.allow_unstable:
            refuse_growth(
                self.spectral_radius(),
                "linear step is",
                "a transition matrix of smaller eigenvalues",
            )


def _turning(dim: int) -> Tensor:
    """Make the matrix that rotates the pairs (2k, 2k + 1) by evenly spaced angles, (dim, dim)."""
    matrix = torch.eye(dim)
    for k, angle in enumerate(torch.linspace(0, LARGEST_START_ANGLE, dim // 2)):
        cos, sin = angle.cos(), angle.sin()
        matrix[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = torch.stack([cos, -sin, sin, cos]).view(2, 2)
    return matrix
