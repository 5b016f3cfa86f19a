"""Damped linear oscillators coupled through their positions, in second-order form."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.checks import pairs
from undertow.dynamics.base import Time
from undertow.dynamics.coupling import Coupling
from undertow.dynamics.growth import eigenvalues, refuse_growth
from undertow.dynamics.integrated import NoiseOptions, SplitIntegrator
from undertow.dynamics.splitting import SplitSDE, rotation
from undertow.dynamics.starting import LogFrequencies, starting_frequencies

START_DAMPING = 1.0


class SecondOrderOscillators(SplitSDE, LogFrequencies):
    """Oscillators ẍ_i + γ_i ẋ_i + ω_i² x_i = Σ_{j≠i} c_ij(u) x_j with noise on the velocities.

    This is eq. 22 of ElGazzar & van Gerven:

        dx = v ds,   dv = (−γ v − ω² x + C(u) x) ds + σ dW

    The step by `splitting` kicks v by h C(u) x and damps it by e^{−γh/2} before and after the exact
    rotation of (x, v) by ωh. Paths still grow where the coupling outweighs the springs, which is
    refused.

    Args:
        state_dim: positions and velocities together, an even number; the state is [x, v].
        input_dim: external inputs u; they modulate the coupling.
        integrator: 'splitting', or 'euler', 'heun' or 'rk4', which need short steps.
        allow_unstable: run a step that diverges, instead of refusing it.
        start_cycles: the band in which natural frequencies start, in cycles per 2.5 units of
            internal time, evenly spaced.
        start_order: the seed that shuffles which oscillator starts where in the band; None puts the
            slowest first.
        coupling_network: tanh units of a network through which the input changes the coupling; 0
            for a coupling that is linear in the input.
        options: noise and time; see `IntegratedSDE`.
    """

    noise_in_velocities = True

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        integrator: SplitIntegrator = "splitting",
        allow_unstable: bool = False,
        start_cycles: tuple[float, float] = (0.5, 3.0),
        start_order: int | None = None,
        coupling_network: int = 0,
        **options: Unpack[NoiseOptions],
    ) -> None:
        state_dim = pairs("state_dim", state_dim, "oscillators")
        super().__init__(state_dim, input_dim, integrator, **options)
        n = state_dim // 2
        self.allow_unstable = allow_unstable
        self.log_damping = nn.Parameter(torch.full((n,), START_DAMPING).log())
        start = starting_frequencies(start_cycles, n, start_order, log=False)
        self.log_omega = nn.Parameter(start.log())
        self.coupling = Coupling(n, input_dim, "matrix", False, coupling_network)

    @property
    def damping(self) -> Tensor:
        """Damping γ of each oscillator per unit of internal time, (N,)."""
        return self.log_damping.exp()

    @property
    def natural_frequencies_hz(self) -> Tensor:
        """Frequencies ω / 2πτ of the undamped oscillators in Hz, (N,)."""
        return self.omega / (2 * torch.pi * self.timescale_s)

    def coupling_matrix(self, u: Tensor | None = None) -> Tensor:
        """Coupling C(u) per unit of internal time squared, (…, N, N).

        Row i is what acts on oscillator i; the diagonal is zero.
        """
        return self.coupling.matrix(u)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Split the state into positions 'x' and velocities 'v'."""
        position, velocity = x.chunk(2, -1)
        return {"x": position, "v": velocity}

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        position, velocity = x.chunk(2, -1)
        force = self._force(position, u) - self.damping * velocity - self.omega.square() * position
        return torch.cat([velocity, force], -1)

    def _force(self, position: Tensor, u: Tensor | None) -> Tensor:
        return self.coupling.pull(position.unsqueeze(-2), u).squeeze(-2)

    def split_step(self, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        position, velocity = x.chunk(2, -1)
        decay = torch.exp(-self.damping * h / 2)
        kicked = decay * (velocity + h * self._force(position, u))
        position, velocity = rotation(position, kicked, self.omega, h)
        return torch.cat([position, decay * velocity], -1)

    def check_stable(self, bin_s: float) -> None:
        """Raise where paths without input grow a thousandfold within 10,000 bins.

        Raises:
            StabilityError: naming the spectral radius of the step and the bins it takes.
        """
        if self.allow_unstable:
            return
        with torch.no_grad():
            steps = self.steps_per_bin(bin_s)
            h = bin_s / self.timescale_s / steps
            matrix = self.next_mean(
                0.0, torch.eye(self.state_dim, dtype=h.dtype, device=h.device), h
            )
            radius = float(eigenvalues(matrix, "the step").abs().max()) ** steps
        refuse_growth(
            radius,
            "oscillators' step is",
            "weaker coupling, integrator='splitting' or shorter steps",
        )
