"""LFADS: a sequential variational autoencoder around a recurrent generator."""

from undertow.models.lfads.model import LFADS
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition

__all__ = ["LFADS", "GRUController", "GRUGenerator", "InitialCondition"]
