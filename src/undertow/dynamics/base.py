"""`Dynamics`: a prior over latent paths, written in internal time s = t / τ."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from undertow.errors import ModelError


@dataclass(frozen=True)
class Path:
    """A latent path and what is needed to price it.

    Attributes:
        states: (trials, time, state_dim), the first entry is the initial state.
        noisy: the coordinates noise entered.
        std: standard deviation of the noisy coordinates given the state one step before, broadcastable to `noise`.
        noise: the standard normal draws of the last step into each bin, (trials, time − 1, noise_dim).
    """

    states: Tensor
    noisy: slice
    std: Tensor
    noise: Tensor

    @property
    def mean(self) -> Tensor:
        """Mean of the noisy coordinates given the state one step before, (trials, time − 1, noise_dim)."""
        return self.states[:, 1:, self.noisy] - self.std * self.noise


class Dynamics(nn.Module, ABC):
    """A stochastic differential equation dx = drift ds + diffusion dW in internal time s = t / τ.

    Construct a concrete one as `Class(state_dim)`, all else defaulted. `timescale_s` is τ in seconds; a bin of width
    `bin_s` is `bin_s / τ` of internal time, covered by as many equal steps as `max_step` asks for, so that the bin
    width changes the number and size of steps and never the model.
    """

    state_dim: int
    noise_dim: int
    max_step: float = 1.0

    @property
    @abstractmethod
    def timescale_s(self) -> Tensor:
        """τ in seconds, a scalar tensor."""

    @property
    @abstractmethod
    def noisy(self) -> slice:
        """The coordinates that noise and control enter; all others have zero diffusion."""

    @abstractmethod
    def drift(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Drift per unit of internal time, (…, state_dim)."""

    @abstractmethod
    def diffusion(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Diagonal diffusion per √(internal time), (…, state_dim); zero for noise-free coordinates."""

    @abstractmethod
    def step(self, s: float, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Gaussian law of the state one step `h` later: its mean (…, state_dim) and the std of the noisy coordinates."""

    @abstractmethod
    def check_stable(self, bin_s: float) -> None:
        """Raise `StabilityError` where a step would grow without bound."""

    def check_settings(self, bin_s: float) -> None:
        """Raise `StabilityError` where learning can make a step grow without bound; by default as `check_stable`."""
        self.check_stable(bin_s)

    def readout(self, x: Tensor) -> dict[str, Tensor]:
        """Named parts of the state that decoders see; the whole state by default."""
        return {"x": x}

    def steps_per_bin(self, bin_s: float) -> int:
        """Equal steps that cover one bin without any being longer than `max_step` in internal time."""
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
            control: push on the noisy coordinates in units of the noise per √(internal time), held over each bin,
                (trials, bins, noise_dim). A step of size h moves them by std · √h · control, which costs
                ½ h |control|² nats (Girsanov).
            inputs: what drives the dynamics from outside, held over each bin, (trials, bins, inputs).
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
                push = 0.0 if control is None else std * h.sqrt() * control[:, t]
                noisy_mean = mean[:, self.noisy] + push
                x = self._with_noisy(mean, noisy_mean + std * noise[:, t, k])
            states.append(x)
            stds.append(std.expand(len(x0), self.noise_dim))
        last = noise[:, :, -1]
        return Path(
            torch.stack(states, 1), self.noisy, torch.stack(stds, 1) if stds else torch.ones_like(last), last
        )

    def _check_noise(self, noise: Tensor) -> None:
        if noise.shape[-1] != self.noise_dim:
            raise ModelError(
                f"noise has {noise.shape[-1]} coordinates: {type(self).__name__} has {self.noise_dim}."
            )

    def _with_noisy(self, x: Tensor, values: Tensor) -> Tensor:
        before, after = x[..., : self.noisy.start], x[..., self.noisy.stop :]
        return torch.cat([before, values, after], -1)
