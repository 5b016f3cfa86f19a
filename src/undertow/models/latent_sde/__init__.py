"""The latent SDE: one inference scheme over paths of any dynamics."""

from undertow.models.latent_sde.model import LatentSDE
from undertow.models.latent_sde.options import PathPosterior, Signals, Solver

__all__ = ["LatentSDE", "PathPosterior", "Signals", "Solver"]
