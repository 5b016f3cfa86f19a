"""GP-SLDS: a Gaussian-process drift that switches smoothly between linear flows."""

from undertow.models.gp_slds.model import GPSLDS
from undertow.models.gp_slds.options import VariationalEM

__all__ = ["GPSLDS", "VariationalEM"]
