"""Priors over latent paths: dynamics, their potentials and steps."""

from undertow.dynamics.base import Dynamics, Path
from undertow.dynamics.langevin import UnderdampedLangevin
from undertow.dynamics.linear_recurrence import linear_langevin
from undertow.dynamics.potentials import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    Potential,
)

__all__ = [
    "CoupledOscillatorPotential",
    "DoubleWellPotential",
    "Dynamics",
    "HarmonicPotential",
    "Path",
    "Potential",
    "UnderdampedLangevin",
    "linear_langevin",
]
