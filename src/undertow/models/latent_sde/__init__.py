"""The latent SDE: one inference scheme over paths of any dynamics."""

from undertow.models.latent_sde.model import LatentSDE

__all__ = ["LatentSDE"]
