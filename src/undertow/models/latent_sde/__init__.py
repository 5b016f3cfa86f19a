"""LatentSDE: one scheme of variational inference over paths for dynamics of any kind."""

from undertow.models.latent_sde.model import LatentSDE
from undertow.models.latent_sde.options import PathPosterior, Signals, Solver

__all__ = ["LatentSDE", "PathPosterior", "Signals", "Solver"]
