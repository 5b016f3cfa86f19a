"""LangevinFlow: a sequential variational autoencoder with underdamped Langevin latents."""

from undertow.models.langevin_flow.model import LangevinFlow
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant

__all__ = ["Langevin", "LangevinFlow", "LangevinPosterior", "Variant"]
