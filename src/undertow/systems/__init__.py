"""Synthetic recordings whose true rates are known."""

from undertow.systems.lorenz import simulate_lorenz
from undertow.systems.oscillators import Oscillators, simulate_oscillators
from undertow.systems.rate_network import RateNetwork, simulate_rate_network
from undertow.systems.reaching import simulate_maze_like

__all__ = [
    "Oscillators",
    "RateNetwork",
    "simulate_lorenz",
    "simulate_maze_like",
    "simulate_oscillators",
    "simulate_rate_network",
]
