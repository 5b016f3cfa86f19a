"""`Dynamics`, a prior over latent paths, and `SDE`, one given by a stochastic equation.

Both are written in internal time s = t / τ.
"""

import inspect
from abc import ABC, abstractmethod
from math import inf
from typing import Any, Self

import torch
from torch import Tensor, nn

from undertow.dynamics.limits import check_steps

TRIAL_UNITS = 2.5
"""Units of internal time that a trial spans where the timescale is left to the model."""

Time = float | Tensor
"""Internal time: a number or scalar for all trials, or (trials, 1)."""


class Dynamics(nn.Module, ABC):
    """Gaussian law of the next state over a step of internal time s = t / τ.

    Construct a concrete one as `Class(state_dim)`, all else defaulted. `timescale_s` is τ in
    seconds; a bin of width `bin_s` is `bin_s / τ` of internal time, covered by as many equal steps
    as `max_step` asks for, so that the bin width changes the number and size of steps and never the
    model.

    Attributes:
        state_dim: width of the state.
        noise_dim: noisy coordinates; 0 where the path is set by its start.
        input_dim: external inputs u it reads; 0 for none.
        max_step: longest step in internal time.
        correlated: the noise of a step is correlated: `step` then gives a lower triangular factor
            of its covariance.
        never_silent: why a unit whose coordinates are zero is not silent; None where it is.
    """

    state_dim: int
    noise_dim: int
    input_dim: int = 0
    max_step: float = 1.0
    correlated: bool = False
    never_silent: str | None = None
    _given: inspect.BoundArguments

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        made = super().__new__(cls)
        if args or kwargs:  # not when copied
            # not the signature of the class: in Python 3.11.2 that is of this method where the
            # constructor is a base's
            constructor = inspect.signature(cls.__init__.__get__(made))
            object.__setattr__(made, "_given", constructor.bind(*args, **kwargs))
        return made

    @property
    def settings(self) -> dict[str, Any]:
        """Constructor's arguments by name; of those it only passes on, the ones that were given."""
        given = inspect.BoundArguments(self._given.signature, self._given.arguments.copy())
        given.apply_defaults()
        return {
            **{k: v for k, v in given.arguments.items() if k != "options"},
            **given.arguments.get("options", {}),
        }

    def remade(self, **changes: Any) -> Self:
        """Make the same dynamics with fresh weights and some of its arguments changed."""
        return type(self)(**{**self.settings, **changes})

    @property
    @abstractmethod
    def timescale_s(self) -> Tensor:
        """Timescale τ in seconds, a scalar tensor."""

    @property
    @abstractmethod
    def noisy(self) -> slice:
        """Coordinates that noise and control enter; all others have zero diffusion."""

    @abstractmethod
    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Gaussian law of the state one step `h` later: its mean and std.

        The mean is (…, state_dim); the std is that of the noisy coordinates, (…, noise_dim).

        `s` is the time at the step's start, in units of τ. `h` is a scalar or has one step per
        trial, (trials, 1). Where `correlated`, the second is the lower triangular factor L of the
        noisy coordinates' covariance LLᵀ, (…, noise_dim, noise_dim).
        """

    @abstractmethod
    def check_stable(self, bin_s: float) -> None:
        """Raise `StabilityError` where a step would grow without bound."""

    def check_settings(self, bin_s: float) -> None:
        """Raise `StabilityError` where learning can make a step grow without bound.

        By default this is `check_stable`.
        """
        self.check_stable(bin_s)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Name the parts of the state that decoders see, equally wide; by default all of it."""
        return {"x": x}

    def units(self, x: Tensor) -> Tensor:
        """What decoders see, unit by unit, (…, units, numbers per unit).

        A unit is an oscillator, a phase or a coordinate.
        """
        return torch.stack(list(self.readout(x).values()), -1)

    def spread(self, std: Tensor, noise: Tensor) -> Tensor:
        """Turn standard normal numbers into the noise of a step, (…, noise_dim)."""
        return (std @ noise[..., None])[..., 0] if self.correlated else std * noise

    def steps_per_bin(self, bin_s: float) -> int:
        """Number of equal steps per bin, none longer than `max_step` in internal time.

        Raises:
            StabilityError: for a timescale so short that there would be more than 10,000.
        """
        timescale_s = float(self.timescale_s.detach())
        units = bin_s / timescale_s if timescale_s else inf
        return max(1, check_steps(-(-(units - 1e-6) // self.max_step), bin_s, timescale_s))

    def check_steps_per_bin(self, steps: float) -> None:
        """Refuse a number of steps per bin that the dynamics cannot take; by default none.

        Raises:
            ModelError: naming the dynamics and the steps.
        """

    def displaced(self, mean: Tensor, by: Tensor, h: Tensor) -> Tensor:
        """State a step `h` later whose noisy coordinates lie `by` beyond their mean.

        By default the others stay where the mean has them. Where a step moves positions by the
        velocity it has just drawn, they follow; still, the noisy coordinates then set the whole
        state, so that noise and control enter through them alone.

        Args:
            mean: mean of the state after the step, (…, state_dim).
            by: noise and push, (…, noise_dim).
            h: the step.
        """
        # no slice where all coordinates are noisy or none: its gradient is a copy
        if self.noise_dim == 0:
            return mean
        if self.noise_dim == self.state_dim:
            return mean + by
        noisy = self.noisy
        before, after = mean[..., : noisy.start], mean[..., noisy.stop :]
        return torch.cat([before, mean[..., noisy] + by, after], -1)

    def linear_states(
        self, x0: Tensor, kicks: Tensor, h: Tensor, inputs: Tensor | None = None
    ) -> Tensor | None:
        """All states of a path whose steps are linear, faster than step by step.

        By default None, which stands for steps that are not linear.

        It must equal `step` and `displaced` taken in turn. Dynamics that have it give a noise whose
        std depends neither on state nor on input.

        Args:
            x0: initial state, (trials, state_dim).
            kicks: noise and push of each step in units of the noise, (trials, steps, noise_dim).
            h: the step, a scalar.
            inputs: u of each step, (trials, steps, inputs).

        Returns:
            (trials, steps + 1, state_dim), the first entry x0.
        """
        return None


class SDE(Dynamics):
    """Stochastic differential equation dx = drift ds + diffusion dW in internal time s = t / τ.

    Each noisy coordinate has a noise of its own.
    """

    @abstractmethod
    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Drift per unit of internal time, (…, state_dim)."""

    @abstractmethod
    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Diagonal diffusion per √(internal time), (…, state_dim); zero where there is no noise."""
