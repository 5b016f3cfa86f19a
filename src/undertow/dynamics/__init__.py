"""Dynamics: priors over latent paths, with their potentials and steps."""

from undertow.dynamics.base import SDE, Dynamics
from undertow.dynamics.context_potential import ContextPotential
from undertow.dynamics.coupled_oscillators import CoupledOscillators
from undertow.dynamics.coupling import Coupling
from undertow.dynamics.discrete import DiscreteDynamics
from undertow.dynamics.double_well_attractor import DoubleWellAttractor
from undertow.dynamics.euler_langevin import EulerLangevin
from undertow.dynamics.fitzhugh_nagumo import FitzHughNagumo
from undertow.dynamics.from_function import from_function
from undertow.dynamics.gru import GRU
from undertow.dynamics.integrated import IntegratedSDE
from undertow.dynamics.kuramoto import Kuramoto
from undertow.dynamics.lds import LDS
from undertow.dynamics.linear_recurrence import linear_langevin
from undertow.dynamics.linear_sde import LinearSDE
from undertow.dynamics.lotka_volterra import LotkaVolterra
from undertow.dynamics.low_rank_rnn import LowRankRNN
from undertow.dynamics.lstm import LSTM
from undertow.dynamics.neural_sde import NeuralSDE
from undertow.dynamics.overdamped_langevin import OverdampedLangevin
from undertow.dynamics.potentials import (
    CoupledOscillatorPotential,
    DoubleWellPotential,
    HarmonicPotential,
    MLPPotential,
    Potential,
)
from undertow.dynamics.published_potentials import (
    FreeOscillatorPotential,
    InputDrivenPotential,
    MixedOscillatorPotential,
)
from undertow.dynamics.rnn import RNN
from undertow.dynamics.second_order_oscillators import SecondOrderOscillators
from undertow.dynamics.splitting import SplitSDE
from undertow.dynamics.switching_gp import SwitchingGP
from undertow.dynamics.switching_kernel import SwitchingLinearKernel
from undertow.dynamics.underdamped_langevin import UnderdampedLangevin
from undertow.dynamics.van_der_pol import VanDerPol
from undertow.dynamics.wilson_cowan import WilsonCowan
from undertow.dynamics.wong_wang import WongWang

__all__ = [
    "GRU",
    "LDS",
    "LSTM",
    "RNN",
    "SDE",
    "ContextPotential",
    "CoupledOscillatorPotential",
    "CoupledOscillators",
    "Coupling",
    "DiscreteDynamics",
    "DoubleWellAttractor",
    "DoubleWellPotential",
    "Dynamics",
    "EulerLangevin",
    "FitzHughNagumo",
    "FreeOscillatorPotential",
    "HarmonicPotential",
    "InputDrivenPotential",
    "IntegratedSDE",
    "Kuramoto",
    "LinearSDE",
    "LotkaVolterra",
    "LowRankRNN",
    "MLPPotential",
    "MixedOscillatorPotential",
    "NeuralSDE",
    "OverdampedLangevin",
    "Potential",
    "SecondOrderOscillators",
    "SplitSDE",
    "SwitchingGP",
    "SwitchingLinearKernel",
    "UnderdampedLangevin",
    "VanDerPol",
    "WilsonCowan",
    "WongWang",
    "from_function",
    "linear_langevin",
]
