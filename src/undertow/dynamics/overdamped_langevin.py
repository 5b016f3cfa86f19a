"""First-order Langevin dynamics: positions alone, sliding down the potential."""

import math
from collections.abc import Callable, Collection
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from undertow.dynamics.base import SDE, Time
from undertow.dynamics.growth import eigenvalues, refuse_growth
from undertow.dynamics.limits import constant, timescale, width
from undertow.dynamics.potentials import CoupledOscillatorPotential, Potential
from undertow.errors import ModelError

OverdampedLearnable = Literal["temperature", "timescale"]


class OverdampedLangevin(SDE):
    """Langevin dynamics without inertia: dz = −∇U(z) ds + √(2 k_Bτ) dW.

    This is LangevinFlow's Baseline 5 with thermal noise.

    A step is z' = z − h∇U(z) + √(2 k_Bτ h) η. The printed baseline, z_{t+1} = z_t − ∇U(z_t), has no
    noise: `temperature=0`. For curvature k the step is stable while 0 < hk < 2; steps are at most
    0.5 long.

    Args:
        state_dim: positions; the state is z.
        potential: builds the potential from the number of positions, or is one.
        temperature: k_Bτ, a vector over positions, constant at the start; zero for none (then not
            learned).
        timescale_s: seconds per unit of internal time.
        learn: which of 'temperature', 'timescale' are learned (as logarithms).
        allow_unstable: run a step that diverges, instead of refusing it.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    max_step = 0.5
    log_temperature: Tensor
    log_timescale: Tensor

    def __init__(
        self,
        state_dim: int,
        potential: Callable[[int], Potential] | Potential = CoupledOscillatorPotential,
        temperature: float = 1.0,
        timescale_s: float = 0.02,
        learn: Collection[OverdampedLearnable] = (),
        allow_unstable: bool = False,
    ) -> None:
        super().__init__()
        self.state_dim = self.noise_dim = width("state_dim", state_dim)
        self.potential = potential if isinstance(potential, Potential) else potential(state_dim)
        if self.potential.dim != state_dim:
            raise ModelError(
                f"the potential has {self.potential.dim} positions, the dynamics {state_dim}: make "
                "them equal."
            )
        known = get_args(OverdampedLearnable)
        if unknown := [name for name in learn if name not in known]:
            raise ModelError(f"cannot learn {unknown[0]!r}: it must be among {', '.join(known)}.")
        temperature, timescale_s = (
            constant("temperature", temperature, zero=True),
            timescale(timescale_s),
        )
        if temperature == 0 and "temperature" in learn:
            raise ModelError("temperature is 0: it must be above zero to be learned.")
        self.allow_unstable = allow_unstable
        logs = {
            "temperature": math.log(temperature) if temperature else -math.inf,
            "timescale": math.log(timescale_s),
        }
        for name, value in logs.items():
            start = torch.full((state_dim,) if name == "temperature" else (), value)
            self.register_parameter(f"log_{name}", nn.Parameter(start, requires_grad=name in learn))

    @property
    def timescale_s(self) -> Tensor:
        return self.log_timescale.exp()

    @property
    def noisy(self) -> slice:
        return slice(0, self.state_dim)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Name the state: positions 'z'."""
        return {"z": x}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return -self.potential.gradient(x, u)

    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return (2 * self.log_temperature.exp()).sqrt().expand_as(x)

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        std = (
            2 * self.log_temperature.exp()
        ).sqrt() * h.sqrt()  # apart: at temperature 0, h keeps a gradient
        return x - h * self.potential.gradient(x, u), std

    def check_stable(self, bin_s: float) -> None:
        """Raise where paths in a quadratic potential grow a thousandfold within 10,000 bins.

        Raises:
            StabilityError: naming the spectral radius of the step and the bins it takes.
        """
        stiffness = self.potential.stiffness()
        if stiffness is not None:
            curvatures = eigenvalues(stiffness, "the stiffness of the potential").real
            self._refuse((float(curvatures.min()), float(curvatures.max())), bin_s, "is")

    def check_settings(self, bin_s: float) -> None:
        """Raise as `check_stable`, for every curvature that learning can give the potential.

        Raises:
            StabilityError: naming the largest spectral radius and the bins it takes.
        """
        bounds = self.potential.curvature_bounds()
        if bounds is not None:
            self._refuse(bounds, bin_s, "can become")

    def _refuse(self, curvatures: tuple[float, float], bin_s: float, verb: str) -> None:
        """Refuse a step whose paths grow without bound.

        A direction of curvature k grows by |1 − hk| a step, which is largest at either end of the
        range of k.
        """
        if self.allow_unstable:
            return
        steps = self.steps_per_bin(bin_s)
        h = bin_s / float(self.timescale_s.detach()) / steps
        radius = max(abs(1 - h * k) for k in curvatures) ** steps
        refuse_growth(
            radius, f"first-order step {verb}", "a confining potential or a longer timescale_s"
        )
