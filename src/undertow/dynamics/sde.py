"""`SDE`: dynamics that are a stochastic differential equation."""

from abc import abstractmethod

from torch import Tensor

from undertow.dynamics.base import Dynamics


class SDE(Dynamics):
    """dx = drift ds + diffusion dW in internal time s = t / τ, each noisy coordinate with a noise
    of its own."""

    @abstractmethod
    def drift(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Drift per unit of internal time, (…, state_dim)."""

    @abstractmethod
    def diffusion(self, s: float, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Diagonal diffusion per √(internal time), (…, state_dim); zero for noise-free
        coordinates."""
