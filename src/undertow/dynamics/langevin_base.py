"""`SecondOrderLangevin`: what all second-order Langevin dynamics share.

These are the constants, the state [z, v] and the check of whether a step diverges.
"""

from abc import abstractmethod
from collections.abc import Callable, Collection
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from undertow.dynamics.base import SDE
from undertow.dynamics.growth import eigenvalues, refuse_growth
from undertow.dynamics.limits import constant, timescale, width
from undertow.dynamics.potentials import CoupledOscillatorPotential, Potential
from undertow.errors import ModelError

Learnable = Literal["mass", "gamma", "temperature", "timescale"]


class SecondOrderLangevin(SDE):
    """Positions z and velocities v under a potential, friction and thermal noise.

    They follow m dv = −∇U(z) ds − mγ v ds + noise.

    Args:
        state_dim: positions and velocities together, an even number; the state is [z, v].
        potential: builds the potential from the number of positions, or is one.
        mass, gamma, temperature: m, γ, k_Bτ; 1e-18 to 1e18. Each is a vector over positions,
            constant at the start.
        timescale_s: seconds per unit of internal time, 1e-6 to 1e6.
        learn: which of 'mass', 'gamma', 'temperature', 'timescale' are learned (as logarithms); the
            others stay fixed.
        allow_unstable: run a step that diverges, instead of refusing it.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    log_mass: Tensor
    log_gamma: Tensor
    log_temperature: Tensor
    log_timescale: Tensor

    def __init__(
        self,
        state_dim: int,
        potential: Callable[[int], Potential] | Potential = CoupledOscillatorPotential,
        mass: float = 1.0,
        gamma: float = 0.7,
        temperature: float = 1.0,
        timescale_s: float = 0.02,
        learn: Collection[Learnable] = (),
        allow_unstable: bool = False,
    ) -> None:
        super().__init__()
        if width("state_dim", state_dim) % 2:
            raise ModelError(
                f"state_dim is {state_dim}: positions and velocities together are an even number."
            )
        self.state_dim, self.noise_dim = state_dim, state_dim // 2
        self.potential = (
            potential if isinstance(potential, Potential) else potential(self.noise_dim)
        )
        if self.potential.dim != self.noise_dim:
            raise ModelError(
                f"the potential has {self.potential.dim} positions, the dynamics {self.noise_dim}: "
                "make them equal."
            )
        self.allow_unstable = allow_unstable
        self._add_constants(
            learn, mass=mass, gamma=gamma, temperature=temperature, timescale=timescale_s
        )

    def _add_constants(self, learn: Collection[Learnable], **values: float) -> None:
        for wanted in learn:
            if wanted not in get_args(Learnable):
                known = ", ".join(get_args(Learnable))
                raise ModelError(f"cannot learn {wanted!r}: it must be among {known}.")
        for name, value in values.items():
            value = timescale(value) if name == "timescale" else constant(name, value)
            size = () if name == "timescale" else (self.noise_dim,)
            log_value = nn.Parameter(
                torch.full(size, float(value)).log(), requires_grad=name in learn
            )
            self.register_parameter(f"log_{name}", log_value)

    @property
    def mass(self) -> Tensor:
        return self.log_mass.exp()

    @property
    def gamma(self) -> Tensor:
        return self.log_gamma.exp()

    @property
    def temperature(self) -> Tensor:
        return self.log_temperature.exp()

    @property
    def timescale_s(self) -> Tensor:
        return self.log_timescale.exp()

    @property
    def noisy(self) -> slice:
        return slice(self.noise_dim, self.state_dim)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into positions 'z' and velocities 'v'."""
        z, v = x.chunk(2, -1)
        return {"z": z, "v": v}

    @abstractmethod
    def transition(self, curvature: float, h: float) -> list[list[float]]:
        """Effect of one step on (z, v) along a direction of this curvature, a 2 × 2 matrix.

        The constants are those of the first position.
        """

    def spectral_radius(self, bin_s: float) -> float | None:
        """Factor by which the fastest-growing state grows in a bin.

        None for a potential that is not quadratic.
        """
        if self.potential.stiffness() is None:
            return None
        with torch.no_grad():
            h = bin_s / self.timescale_s / self.steps_per_bin(bin_s)
            step = self.step(0.0, torch.eye(self.state_dim, device=h.device, dtype=h.dtype), h)[0]
            largest = float(eigenvalues(step, "the Langevin step").abs().max())
            return largest ** self.steps_per_bin(bin_s)

    def largest_radius(self, bin_s: float) -> float | None:
        """Largest such factor for any curvature that learning can give the potential.

        None where these curvatures are unknown.
        """
        bounds = self.potential.curvature_bounds()
        if bounds is None:
            return None
        steps = self.steps_per_bin(bin_s)
        h = bin_s / float(self.timescale_s.detach()) / steps
        matrices = torch.tensor(
            [self.transition(float(k), h) for k in torch.linspace(*bounds, 257)],
            dtype=torch.float64,
        )
        return float(eigenvalues(matrices, "the Langevin step").abs().max()) ** steps

    def check_stable(self, bin_s: float) -> None:
        """Raise where paths grow a thousandfold within 10,000 bins; silent with `allow_unstable`.

        Potentials that are not quadratic have no one curvature and are not checked.

        Raises:
            StabilityError: naming the spectral radius of the step and the bins it takes.
        """
        self._refuse(self.spectral_radius(bin_s), "is")

    def check_settings(self, bin_s: float) -> None:
        """Raise as `check_stable`, for every curvature that learning can give the potential.

        Raises:
            StabilityError: naming the largest spectral radius and the bins it takes.
        """
        self._refuse(self.largest_radius(bin_s), "can become")

    def _refuse(self, radius: float | None, verb: str) -> None:
        if not self.allow_unstable:
            remedies = "a confining potential, a longer timescale_s, a larger mass"
            refuse_growth(radius, f"Langevin step {verb}", remedies)
