"""Data sets that are made, not downloaded, so that every example runs anywhere.

Each is a function of a seed, among other settings: `ut.datasets.lorenz()`. `undertow datasets`
lists them and `undertow simulate NAME` writes one to a file.
"""

from undertow.systems import simulate_lorenz as lorenz
from undertow.systems import simulate_maze_like as maze_like
from undertow.systems import simulate_oscillators as oscillators
from undertow.systems import simulate_rate_network as rate_network

__all__ = ["lorenz", "maze_like", "oscillators", "rate_network"]
