"""LangevinFlow: a sequential VAE whose latents follow underdamped Langevin dynamics."""

from undertow.models.langevin_flow.model import LangevinFlow
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant

__all__ = ["Langevin", "LangevinFlow", "LangevinPosterior", "Variant"]
