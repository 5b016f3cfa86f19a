"""LangevinFlow: a sequential VAE whose latents follow underdamped Langevin dynamics."""

from undertow.models.langevin_flow.model import LangevinFlow

__all__ = ["LangevinFlow"]
