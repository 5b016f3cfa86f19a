"""`Dynamics`: a prior over latent paths, written in internal time s = t / τ."""

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from undertow.errors import ModelError


@dataclass(frozen=True)
class Path:
    """A latent path and what is needed to price it.

    Attributes:
        states: (trials, time, state_dim), the first entry is the initial state.
        noisy: the coordinates noise entered.
        std: standard deviation of the noisy coordinates given the state one step before,
            broadcastable to `noise`; where the dynamics are `correlated`, the factor of their
            covariance.
        noise: the standard normal draws of the last step into each bin, (trials, time − 1,
            noise_dim).
    """

    states: Tensor
    noisy: slice
    std: Tensor
    noise: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean of the noisy coordinates given the state one step before, (trials, time − 1,
        noise_dim)."""
        moved = (
            (self.std @ self.noise[..., None])[..., 0]
            if self.std.ndim > 3
            else self.std * self.noise
        )
        return self.states[:, 1:, self.noisy] - moved


class Dynamics(nn.Module, ABC):
    """The Gaussian law of the next state over a step of internal time s = t / τ.

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
            object.__setattr__(made, "_given", inspect.signature(cls).bind(*args, **kwargs))
        return made

    @property
    def settings(self) -> dict[str, Any]:
        """The constructor's arguments by name; of those it only passes on, the ones given."""
        given = inspect.BoundArguments(self._given.signature, self._given.arguments.copy())
        given.apply_defaults()
        return {
            **{k: v for k, v in given.arguments.items() if k != "options"},
            **given.arguments.get("options", {}),
        }

    def remade(self, **changes: Any) -> Self:
        """The same dynamics with fresh weights, some of its arguments changed."""
        return type(self)(**{**self.settings, **changes})

    @property
    @abstractmethod
    def timescale_s(self) -> Tensor:
        """τ in seconds, a scalar tensor."""

    @property
    @abstractmethod
    def noisy(self) -> slice:
        """The coordinates that noise and control enter; all others have zero diffusion."""

    @abstractmethod
    def step(
        self, s: float, x: Tensor, h: Tensor, u: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Gaussian law of the state one step `h` later: its mean (…, state_dim) and the std of the
        noisy coordinates.

        `h` is a scalar or has one step per trial, (trials, 1). Where `correlated`, the second is
        the lower triangular factor L of the noisy coordinates' covariance LLᵀ, (…, noise_dim,
        noise_dim).
        """

    @abstractmethod
    def check_stable(self, bin_s: float) -> None:
        """Raise `StabilityError` where a step would grow without bound."""

    def check_settings(self, bin_s: float) -> None:
        """Raise `StabilityError` where learning can make a step grow without bound; by default as
        `check_stable`."""
        self.check_stable(bin_s)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Named parts of the state that decoders see, equally wide; the whole state by default."""
        return {"x": x}

    def units(self, x: Tensor) -> Tensor:
        """What decoders see, unit by unit (an oscillator, a phase, a coordinate), (…, units,
        numbers per unit)."""
        return torch.stack(list(self.readout(x).values()), -1)

    def spread(self, std: Tensor, noise: Tensor) -> Tensor:
        """Standard normal numbers as the noise of a step, (…, noise_dim)."""
        return (std @ noise[..., None])[..., 0] if self.correlated else std * noise

    def steps_per_bin(self, bin_s: float) -> int:
        """Equal steps that cover one bin without any being longer than `max_step` in internal
        time."""
        return max(1, int(-(-(bin_s / float(self.timescale_s.detach()) - 1e-6) // self.max_step)))

    def rollout(
        self,
        x0: Tensor,
        noise: Tensor,
        bin_s: float,
        control: Tensor | None = None,
        inputs: Tensor | None = None,
    ) -> Path:
        """Run from `x0` with given standard normal noise.

        Args:
            x0: initial state, (trials, state_dim).
            noise: (trials, bins, steps per bin, noise_dim); the path has bins + 1 entries.
            bin_s: bin width in seconds.
            control: push on the noisy coordinates in units of the noise per √(internal time), held
                over each bin, (trials, bins, noise_dim). A step of size h moves them by std · √h ·
                control, which costs ½ h |control|² nats (Girsanov).
            inputs: what drives the dynamics from outside, held over each bin, (trials, bins,
                inputs).
        """
        self._check_noise(noise)
        substeps = noise.shape[2]
        h = bin_s / self.timescale_s / substeps
        x, states, stds = x0, [x0], []
        for t in range(noise.shape[1]):
            u = None if inputs is None else inputs[:, t]
            for k in range(substeps):
                s = float((t * substeps + k) * h.detach())
                mean, std = self.step(s, x, h, u)
                push = 0.0 if control is None else self.spread(std, h.sqrt() * control[:, t])
                x = self.with_noisy(
                    mean, mean[:, self.noisy] + push + self.spread(std, noise[:, t, k])
                )
            states.append(x)
            stds.append(std.expand(len(x0), *([self.noise_dim] * (1 + self.correlated))))
        last = noise[:, :, -1]
        return Path(
            torch.stack(states, 1),
            self.noisy,
            torch.stack(stds, 1) if stds else torch.ones_like(last),
            last,
        )

    def _check_noise(self, noise: Tensor) -> None:
        if noise.shape[-1] != self.noise_dim:
            raise ModelError(
                f"noise has {noise.shape[-1]} coordinates: {type(self).__name__} has "
                f"{self.noise_dim}."
            )

    def with_noisy(self, x: Tensor, values: Tensor) -> Tensor:
        """`x` with its noisy coordinates replaced."""
        if self.noise_dim == self.state_dim:
            return values
        before, after = x[..., : self.noisy.start], x[..., self.noisy.stop :]
        return torch.cat([before, values, after], -1)
