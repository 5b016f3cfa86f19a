"""Simple models that every table compares with, behind the same fit and predict."""

from undertow.baselines.condition_average import ConditionAverage, GainedAverage
from undertow.baselines.factors import PCA, FactorAnalysis
from undertow.baselines.gpfa import GPFA
from undertow.baselines.latents.options import LatentEM, SwitchingEM
from undertow.baselines.lds import LDS
from undertow.baselines.mean_rate import MeanRate
from undertow.baselines.mint import MINT
from undertow.baselines.ridge import SpikeRidge
from undertow.baselines.slds import SLDS
from undertow.baselines.smoothing import Smoothing

__all__ = [
    "GPFA",
    "LDS",
    "MINT",
    "PCA",
    "SLDS",
    "ConditionAverage",
    "FactorAnalysis",
    "GainedAverage",
    "LatentEM",
    "MeanRate",
    "Smoothing",
    "SpikeRidge",
    "SwitchingEM",
]
