"""The path of a latent SDE by torchsde 0.2.6, behind the same arguments as
`undertow.inference.solve`."""

from typing import Any

import torch
import torchsde
from torch import Tensor, nn

from undertow.dynamics import Dynamics, NeuralSDE
from undertow.inference import ControlSteering, DriftSteering, Path, Steering, TimeGrid


class PosteriorSDE(nn.Module):
    """The posterior's drift f, the prior's h and their diffusion g, as torchsde wants them.

    f is the network of the steering, h that of the dynamics: the same weights, over [x, c, u] and
    [x, u].
    """

    noise_type, sde_type = "diagonal", "ito"

    def __init__(self, dynamics: NeuralSDE, steering: ControlSteering | DriftSteering) -> None:
        super().__init__()
        self.dynamics, self.steering = dynamics, steering.network
        self.context: tuple[Tensor, ...] = ()
        self.inputs: tuple[Tensor, ...] = ()
        self.step = 1.0

    def _at(self, t: Tensor) -> int:
        return min(int(float(t) / self.step + 0.5), len(self.context) - 1)

    def f(self, t: Tensor, x: Tensor) -> Tensor:
        k, net = self._at(t), self.steering
        given = torch.cat([x, self.context[k], self.inputs[k]], -1)
        first = torch.tanh(nn.functional.linear(given, self.first_weight, net.given.bias))
        drift: Tensor = net.out(torch.tanh(net.hidden(first)))
        return drift

    def h(self, t: Tensor, x: Tensor) -> Tensor:
        return self.dynamics.drift(0.0, x, self.inputs[self._at(t)])

    def g(self, t: Tensor, x: Tensor) -> Tensor:
        assert self.dynamics.diffusivity is not None
        std: Tensor = self.dynamics.diffusivity(x)
        return std.expand_as(x)

    def along(self, context: Tensor, inputs: Tensor, step: float) -> "PosteriorSDE":
        """Drive it by this context and input, (trials, steps, …), a step of internal time each."""
        self.context, self.inputs, self.step = context.unbind(1), inputs.unbind(1), step
        self.first_weight = torch.cat([self.steering.state.weight, self.steering.given.weight], 1)
        return self


class GivenNoise:
    """Brownian increments drawn beforehand, one a step; the coordinate torchsde adds for the
    divergence has none."""

    levy_area_approximation = "none"

    def __init__(self, noise: Tensor, step: float) -> None:
        still = torch.zeros_like(noise[..., :1])
        self.increments = (torch.cat([noise, still], -1) * step**0.5).unbind(1)
        self.step, self.dtype, self.device = step, noise.dtype, noise.device
        self.shape = self.increments[0].shape

    def __call__(self, start: Tensor, stop: Tensor) -> Tensor:
        return self.increments[int(float(start) / self.step + 0.5)]


def solve_by_torchsde(
    dynamics: Dynamics,
    x0: Tensor,
    noise: Tensor | None,
    grid: TimeGrid,
    inputs: Tensor | None = None,
    steering: Steering | None = None,
    context: Tensor | None = None,
    **_: Any,
) -> Path:
    """`sdeint(logqp=True, method='euler')` with the grid's step; torchsde draws the noise where it
    is not given.

    Steps that do not count, checkpointing and held coordinates are not supported, nor the
    stochastic integral: a log ratio is NaN.
    """
    assert isinstance(dynamics, NeuralSDE)
    assert isinstance(steering, ControlSteering | DriftSteering)
    assert context is not None
    assert inputs is not None
    step = float(grid.steps_s[0, 0] / dynamics.timescale_s.detach())
    sde = PosteriorSDE(dynamics, steering).along(context, inputs, step)
    times = torch.arange(len(grid) + 1) * step
    options: dict[str, Any] = {} if noise is None else {"bm": GivenNoise(noise, step)}
    states, divergence = torchsde.sdeint(
        sde, x0, times, method="euler", dt=step, logqp=True, **options
    )
    unknown = torch.full_like(x0[:, None], torch.nan)
    return Path(
        grid.at_observations(states.transpose(0, 1)),
        divergence.sum(0)[:, None],
        unknown,
        unknown,
        unknown[..., 0],
    )
