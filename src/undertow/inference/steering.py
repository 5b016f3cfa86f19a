"""Steering of paths by a posterior: a control on the noisy coordinates.

It is read from state, input and context.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from undertow.dynamics import Dynamics
from undertow.dynamics.base import SDE
from undertow.errors import ModelError


class Steering(nn.Module, ABC):
    """Control Δ in units of the noise per √(internal time).

    In these units a path costs ½∫|Δ|² ds (Girsanov).
    """

    @abstractmethod
    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        """Compute for all steps at once what they need of context and input.

        The result is (trials, steps, …).
        """

    @abstractmethod
    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        """Compute the control (trials, noise_dim) over a step `h` from state x (trials, state_dim).

        The step's law under the prior has `mean` and `std` (see `Dynamics.step`).
        """


class SteeringNetwork(nn.Module):
    """Two hidden tanh layers over [x, u, c] (ElGazzar & van Gerven, supplement 3); starts at zero.

    The first layer's product with context and input is made for all steps in one. Its output is
    linear, or `bounded` by a tanh.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int,
        context_dim: int,
        hidden_dim: int,
        out_dim: int,
        bounded: bool = False,
    ) -> None:
        super().__init__()
        self.bounded = bounded
        self.given = nn.Linear(input_dim + context_dim, hidden_dim)
        self.state = nn.Linear(state_dim, hidden_dim, bias=False)
        self.hidden = nn.Linear(hidden_dim, hidden_dim)
        self.out = nn.Linear(hidden_dim, out_dim)
        # no output at first: a control then starts at the prior, whose path costs nothing
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def prepare(self, context: Tensor, inputs: Tensor | None) -> Tensor:
        """Compute the part of the first layer that does not depend on the state.

        The result is (trials, steps, hidden_dim).
        """
        given: Tensor = self.given(context if inputs is None else torch.cat([context, inputs], -1))
        return given

    def forward(self, x: Tensor, prepared: Tensor) -> Tensor:
        first = torch.tanh(torch.addmm(prepared, x, self.state.weight.t()))
        out: Tensor = self.out(torch.tanh(self.hidden(first)))
        return torch.tanh(out) if self.bounded else out


class ControlSteering(Steering):
    """Control Δ that is the output of a network.

    Nothing is divided by the diffusion, and the posterior starts as the prior.

    Args:
        dynamics: the dynamics to steer; their noisy coordinates are controlled.
        context_dim: width of the context.
        hidden_dim: units of each hidden layer.

    Raises:
        ModelError: for dynamics without noise, of which no controlled path has a finite divergence.
    """

    def __init__(self, dynamics: Dynamics, context_dim: int, hidden_dim: int = 64) -> None:
        super().__init__()
        if dynamics.noise_dim == 0:
            raise ModelError(
                f"{type(dynamics).__name__} has no noise: a controlled path would have infinite "
                "divergence from it. Use posterior='initial-state'."
            )
        self.network = SteeringNetwork(
            dynamics.state_dim, dynamics.input_dim, context_dim, hidden_dim, dynamics.noise_dim
        )

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        assert context is not None
        return self.network.prepare(context, inputs)

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        control: Tensor = self.network(x, prepared)
        return control


class DriftSteering(Steering):
    """Control Δ = σ⁻¹(ν − μ), ν the posterior's drift, a network (ElGazzar & van Gerven eqs 4, 5).

    μ is the mean drift of the prior's step, so that the posterior's next mean is x + h ν whatever
    the prior's integrator: with a stiff μ at x itself, a step that the prior's own would keep
    stable could diverge.

    Args:
        dynamics: the dynamics to steer.
        context_dim: width of the context.
        hidden_dim: units of each hidden layer.
        bounded: the drift is at most 1 per unit of internal time, by a tanh.

    Raises:
        ModelError: for dynamics that are no SDE, or have coordinates without noise: there a drift
            of its own has infinite divergence.
    """

    def __init__(
        self, dynamics: Dynamics, context_dim: int, hidden_dim: int = 64, bounded: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(dynamics, SDE) or dynamics.noise_dim < dynamics.state_dim:
            raise ModelError(
                "posterior='drift' needs noise in every coordinate of an SDE, which "
                f"{type(dynamics).__name__} has not: "
                "its divergence would be infinite. Use posterior='controlled'."
            )
        self.correlated = dynamics.correlated
        self.network = SteeringNetwork(
            dynamics.state_dim,
            dynamics.input_dim,
            context_dim,
            hidden_dim,
            dynamics.state_dim,
            bounded,
        )

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        assert context is not None
        return self.network.prepare(context, inputs)

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        # h σ Δ in terms of the step's std √h σ: divided by it, and then by √h, this is Δ
        beyond = x + h * self.network(x, prepared) - mean
        if self.correlated:
            beyond = torch.linalg.solve_triangular(std, beyond[..., None], upper=False)[..., 0]
        else:
            beyond = beyond / std
        return beyond / h.sqrt()
