"""`DiscreteDynamics`: dynamics that step once a bin, however wide the bin."""

import math
from abc import abstractmethod

from torch import Tensor

from undertow.dynamics.base import Dynamics, Time
from undertow.dynamics.integrated import timescale_parameter
from undertow.dynamics.limits import width
from undertow.errors import ModelError


class DiscreteDynamics(Dynamics):
    """Dynamics x' = f(x, u) + σ η, from one bin to the next.

    A bin is one step whatever its width, so that here, unlike for an SDE, the bin width is part of
    the model: weights learned at 10 ms mean something else at 20 ms. The step `h` is ignored.
    `timescale_s` only sets the internal time in which a control on the noise and its cost are
    counted; the law of a step does not depend on it.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        noise_dim: noisy coordinates, all or none.
        timescale_s: seconds per unit of internal time; None leaves it to the model (1 s on its
            own).

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    max_step = math.inf

    def __init__(
        self, state_dim: int, input_dim: int, noise_dim: int, timescale_s: float | None
    ) -> None:
        super().__init__()
        state_dim, input_dim = width("state_dim", state_dim), width("input_dim", input_dim, 0)
        self.state_dim, self.input_dim, self.noise_dim = state_dim, input_dim, noise_dim
        self.log_timescale = timescale_parameter(timescale_s, learn=False)

    @property
    def timescale_s(self) -> Tensor:
        return self.log_timescale.exp()

    @property
    def noisy(self) -> slice:
        return slice(0, self.noise_dim)

    @abstractmethod
    def next_mean(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Mean of the state a bin after x (…, state_dim) under input u (…, input_dim)."""

    @abstractmethod
    def next_std(self, x: Tensor) -> Tensor:
        """Std of the noisy coordinates a bin after x, broadcastable to (…, noise_dim)."""

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.next_mean(x, self._checked_input(u)), self.next_std(x)

    def check_steps_per_bin(self, steps: float) -> None:
        """Refuse anything but one step per bin: its weights are those of a bin.

        Raises:
            ModelError: naming the dynamics and the steps.
        """
        if steps != 1:
            raise ModelError(
                f"{type(self).__name__} got {steps:g} steps per bin: it is discrete and takes "
                "exactly one; rebin the data, or choose an SDE."
            )

    def _checked_input(self, u: Tensor | None) -> Tensor | None:
        """Return the input where the dynamics reads any; None where it reads none."""
        if not self.input_dim:
            return None
        if u is None or u.shape[-1] != self.input_dim:
            found = "none" if u is None else u.shape[-1]
            raise ModelError(
                f"{type(self).__name__} reads {self.input_dim} inputs and got {found}: give as "
                "many, or set input_dim."
            )
        return u
