"""Underdamped Langevin dynamics: positions z and velocities v in a potential, with friction and thermal noise."""

from collections.abc import Callable, Collection

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Dynamics, Path
from undertow.dynamics.linear_recurrence import linear_langevin
from undertow.dynamics.potentials import CoupledOscillatorPotential, Potential
from undertow.errors import ModelError, StabilityError

LEARNABLE = ("mass", "gamma", "temperature", "timescale")


class UnderdampedLangevin(Dynamics):
    """dz = v ds,  m dv = −∇U(z) ds − mγ v ds + √(2mγ k_Bτ) dW (LangevinFlow eq. 1, in internal time s = t / timescale).

    One step of size h is the stable kick–drift–friction splitting

        v½ = v − (h/m) ∇U(z);   z' = z + h v½;   v' = a v½ + √((k_Bτ/m)(1 − a²)) η,   a = exp(−γh),

    exact in its Ornstein–Uhlenbeck part (without a potential v has variance k_Bτ/m whatever h is) and, for curvature
    k, stable exactly while 0 < h²k/m < 2(1 + a).

    Args:
        state_dim: positions and velocities together, an even number; the state is [z, v].
        potential: builds the potential from the number of positions, or is one.
        mass, gamma, temperature: m, γ, k_Bτ; positive. Each is a vector over positions, constant at the start.
        timescale_s: seconds per unit of internal time.
        learn: which of 'mass', 'gamma', 'temperature', 'timescale' are learned (as logarithms); the others stay fixed.
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
        learn: Collection[str] = (),
    ) -> None:
        super().__init__()
        if state_dim < 2 or state_dim % 2:
            raise ModelError(
                f"state_dim is {state_dim}: positions and velocities together are an even number."
            )
        self.state_dim, self.noise_dim = state_dim, state_dim // 2
        self.potential = potential if isinstance(potential, Potential) else potential(self.noise_dim)
        if self.potential.dim != self.noise_dim:
            raise ModelError(
                f"the potential has {self.potential.dim} positions, the dynamics {self.noise_dim}: make them equal."
            )
        self._add_constants(learn, mass=mass, gamma=gamma, temperature=temperature, timescale=timescale_s)

    def _add_constants(self, learn: Collection[str], **values: float) -> None:
        for name in learn:
            if name not in LEARNABLE:
                raise ModelError(f"cannot learn {name!r}: it must be among {', '.join(LEARNABLE)}.")
        for name, value in values.items():
            if not value > 0:
                raise ModelError(f"{name} is {value}: it must be above zero.")
            size = () if name == "timescale" else (self.noise_dim,)
            log_value = nn.Parameter(torch.full(size, float(value)).log(), requires_grad=name in learn)
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
        """Positions 'z' and velocities 'v'."""
        z, v = x.chunk(2, -1)
        return {"z": z, "v": v}

    def drift(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        z, v = x.chunk(2, -1)
        return torch.cat([v, -self.potential.gradient(z, u) / self.mass - self.gamma * v], -1)

    def diffusion(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        std = (2 * self.gamma * self.temperature / self.mass).sqrt()
        return torch.cat([torch.zeros_like(std), std]).expand_as(x)

    def step(self, s: float, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        z, v = x.chunk(2, -1)
        a, std = self.decay_and_std(h)
        v_half = v - h / self.mass * self.potential.gradient(z, u)
        return torch.cat([z + h * v_half, a * v_half], -1), std

    def decay_and_std(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """a = exp(−γh) and the std of the velocity noise over a step h, each (positions,)."""
        rate = self.gamma * h
        return torch.exp(-rate), (-self.temperature / self.mass * torch.expm1(-2 * rate)).sqrt()

    def rollout(self, x0: Tensor, noise: Tensor, bin_s: float, control: Tensor | None = None) -> Path:
        """As in `Dynamics.rollout`; a quadratic potential takes the hand-written recurrence."""
        stiffness = self.potential.stiffness()
        if stiffness is None:
            return super().rollout(x0, noise, bin_s, control)
        self._check_noise(noise)
        trials, bins, substeps, dim = noise.shape
        h = bin_s / self.timescale_s / substeps
        a, std = self.decay_and_std(h)
        e = std * noise
        if control is not None:
            e = e + (std * h.sqrt() * control)[:, :, None]
        e = e.reshape(trials, bins * substeps, dim).transpose(0, 1).contiguous()
        z0, v0 = x0.chunk(2, -1)
        per_mass = h / self.mass.view(len(stiffness), 1, -1)
        states = linear_langevin(z0, v0, e, per_mass * stiffness, a, h)[::substeps].transpose(0, 1)
        return Path(states, self.noisy, std, noise[:, :, -1])

    def check_stable(self, bin_s: float) -> None:
        """Raise where h²k/m ≥ 2(1 + a) for the largest curvature k of a quadratic potential.

        Other potentials have no one curvature and are not checked. Where m and γ differ between positions, the
        lightest mass and the strongest friction are taken, which is never too lenient.

        Raises:
            StabilityError: naming the curvature, the step and the limit.
        """
        stiffness = self.potential.stiffness()
        if stiffness is None:
            return
        with torch.no_grad():
            h = float(bin_s / self.timescale_s / self.steps_per_bin(bin_s))
            scaled = h**2 * torch.linalg.eigvalsh(stiffness.double().cpu())
            lightest, decay = float(self.mass.min()), float(torch.exp(-self.gamma.max() * h))
            low, high = float(scaled.min()) / lightest, float(scaled.max()) / lightest
        if low <= 0 or high >= 2 * (1 + decay):
            raise StabilityError(
                f"the Langevin step is unstable: h²k/m lies in [{low:.3g}, {high:.3g}] and must stay within "
                f"(0, {2 * (1 + decay):.3g}); use a longer timescale_s, a larger mass or smaller gamma."
            )
