"""`IntegratedSDE`: an SDE given by drift and diffusion, stepped by a general integrator."""

from typing import Literal, TypedDict, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import one_of
from undertow.dynamics.base import SDE, Time
from undertow.dynamics.diffusions import DIFFUSIONS, Diffusion, DiffusionKind, FullDiffusion
from undertow.dynamics.limits import timescale, width
from undertow.errors import ModelError

Integrator = Literal["euler", "heun", "rk4"]
SplitIntegrator = Literal["splitting", "euler", "heun", "rk4"]
UNSET_TIMESCALE_S = 1.0


class NoiseOptions(TypedDict, total=False):
    """Options of the noise and of time, taken by name; see `IntegratedSDE`."""

    noise: bool
    diffusion: DiffusionKind
    timescale_s: float | None
    learn_timescale: bool


class SDEOptions(NoiseOptions, total=False):
    """Options that every integrated SDE takes by name; see `IntegratedSDE`."""

    integrator: Integrator


class IntegratedSDE(SDE):
    """SDE dx = μ(x, u) ds + σ(x, u) dW, stepped by a general integrator.

    Its noise is in every coordinate, in the velocities alone, or in none.

    A step of size h is x' = x + h μ̄ + √h σ(x, u) η, where μ̄ is the drift at x (`euler`:
    Euler–Maruyama), its mean over x and an Euler step (`heun`) or the classic Runge–Kutta mean
    (`rk4`); the input is held over the step. With noise, `heun` and `rk4` need a diffusion that
    does not depend on the state: they are then of strong order 1.

    Args:
        state_dim: width of the state, at most 4,096.
        input_dim: external inputs u, at most 4,096.
        noise: False for the ordinary differential equation with the same drift.
        diffusion: what σ depends on: 'constant', 'state' or 'input' (linear maps), 'network' (a
            network of both); 'full' is a constant lower triangular matrix: correlated noise.
        integrator: 'euler', 'heun' or 'rk4'.
        timescale_s: seconds per unit of internal time, 1e-6 to 1e6; None leaves it to the model
            (trial length / 2.5; 1 s on its own).
        learn_timescale: learn it, as its logarithm.

    Raises:
        ModelError: naming the argument and the rule it breaks.

    Attributes:
        integrators: the integrators it can be stepped by.
        noise_in_velocities: the state is [positions, velocities]; noise and control enter the
            velocities alone, and a diffusion that depends on the state depends on them.
    """

    integrators: tuple[str, ...] = get_args(Integrator)
    noise_in_velocities: bool = False
    log_timescale: Tensor

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        noise: bool = True,
        diffusion: DiffusionKind = "constant",
        integrator: SplitIntegrator = "euler",
        timescale_s: float | None = None,
        learn_timescale: bool = False,
    ) -> None:
        super().__init__()
        state_dim, input_dim = width("state_dim", state_dim), width("input_dim", input_dim, 0)
        one_of("integrator", integrator, self.integrators)
        one_of("diffusion", diffusion, get_args(DiffusionKind))
        if noise and integrator in ("heun", "rk4") and diffusion in ("state", "network"):
            raise ModelError(
                f"integrator={integrator!r} needs noise that does not depend on the state: "
                "use integrator='euler', or diffusion='constant', 'input' or 'full'."
            )
        self.state_dim, self.input_dim, self.integrator = state_dim, input_dim, integrator
        self.noise_dim = (state_dim // (1 + self.noise_in_velocities)) if noise else 0
        build = DIFFUSIONS[diffusion]
        self.diffusivity: Diffusion | None = build(self.noise_dim, input_dim) if noise else None
        self.correlated = isinstance(self.diffusivity, FullDiffusion)
        self.log_timescale = timescale_parameter(timescale_s, learn_timescale)

    @property
    def timescale_s(self) -> Tensor:
        return self.log_timescale.exp()

    @property
    def noisy(self) -> slice:
        return slice(self.state_dim - self.noise_dim, self.state_dim)

    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        if self.diffusivity is None:
            return torch.zeros_like(x)
        noisy = x[..., self.noisy]
        std: Tensor = self.diffusivity(noisy, u)
        return F.pad(std.expand_as(noisy), (self.state_dim - self.noise_dim, 0))

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.next_mean(s, x, h, u), self._step_std(x, h, u)

    def next_mean(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> Tensor:
        """Mean of the state a step `h` later, (…, state_dim); by default the integrator's."""
        return x + h * self._mean_drift(s, x, h, u)

    def _step_std(self, x: Tensor, h: Tensor, u: Tensor | None) -> Tensor:
        """Standard deviation of a step's noise, broadcastable to (…, noise_dim); or its factor."""
        if self.diffusivity is None:
            return x.new_zeros(0)
        if isinstance(self.diffusivity, FullDiffusion):
            root = h.sqrt()
            return (root[..., None] if root.ndim else root) * self.diffusivity.factor
        std: Tensor = h.sqrt() * self.diffusivity(x[..., self.noisy], u)
        return std

    def _mean_drift(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None) -> Tensor:
        first = self.drift(s, x, u)
        if self.integrator == "euler":
            return first
        if self.integrator == "heun":
            return (first + self.drift(s, x + h * first, u)) / 2
        second = self.drift(s, x + h / 2 * first, u)
        third = self.drift(s, x + h / 2 * second, u)
        fourth = self.drift(s, x + h * third, u)
        return (first + 2 * second + 2 * third + fourth) / 6

    def with_input(self, x: Tensor, u: Tensor | None) -> Tensor:
        """Append the input to the state: [x, u], (…, state_dim + input_dim).

        A missing input is zero.
        """
        if not self.input_dim:
            return x
        return torch.cat([x, x.new_zeros(*x.shape[:-1], self.input_dim) if u is None else u], -1)

    def check_stable(self, bin_s: float) -> None:
        """Refuse nothing, by default.

        Little is known of a drift in general, and training rolls back steps that are not finite.
        """


def timescale_parameter(timescale_s: float | None, learn: bool) -> nn.Parameter:
    """Make log τ, learned or not; τ is 1 s where it is left to the model.

    Raises:
        ModelError: for a timescale that is not above zero.
    """
    start_s = UNSET_TIMESCALE_S if timescale_s is None else timescale(timescale_s)
    start = torch.tensor(start_s).log()
    return nn.Parameter(start, requires_grad=learn)
