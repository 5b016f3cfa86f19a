"""Models: a paper a file, behind one Estimator face."""

from undertow.models.base import Estimator
from undertow.models.ensemble import Ensemble
from undertow.models.langevin_flow import LangevinFlow
from undertow.models.latent_sde import LatentSDE

__all__ = ["Ensemble", "Estimator", "LangevinFlow", "LatentSDE"]
