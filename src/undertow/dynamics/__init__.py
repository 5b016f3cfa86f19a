"""Priors over latent paths: dynamics, their potentials and steps."""

from undertow.dynamics.base import Dynamics, Path
from undertow.dynamics.euler_langevin import EulerLangevin
from undertow.dynamics.linear_recurrence import linear_langevin
from undertow.dynamics.mlp_potential import MLPPotential
from undertow.dynamics.overdamped_langevin import OverdampedLangevin
from undertow.dynamics.potentials import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    Potential,
)
from undertow.dynamics.published_potentials import (
    FreeOscillatorPotential,
    InputDrivenPotential,
    MixedOscillatorPotential,
)
from undertow.dynamics.underdamped_langevin import UnderdampedLangevin

__all__ = [
    "CoupledOscillatorPotential",
    "DoubleWellPotential",
    "Dynamics",
    "EulerLangevin",
    "FreeOscillatorPotential",
    "HarmonicPotential",
    "InputDrivenPotential",
    "MLPPotential",
    "MixedOscillatorPotential",
    "OverdampedLangevin",
    "Path",
    "Potential",
    "UnderdampedLangevin",
    "linear_langevin",
]
