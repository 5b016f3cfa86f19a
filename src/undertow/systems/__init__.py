"""Synthetic recordings whose true rates are known."""

from undertow.systems.lorenz import simulate_lorenz

__all__ = ["simulate_lorenz"]
