"""Simple models that every table compares with, behind the same fit and predict."""

from undertow.baselines.gpfa import GPFA
from undertow.baselines.latents.options import LatentEM
from undertow.baselines.lds import LDS
from undertow.baselines.slds import SLDS
from undertow.baselines.smoothing import Smoothing

__all__ = ["GPFA", "LDS", "SLDS", "LatentEM", "Smoothing"]
