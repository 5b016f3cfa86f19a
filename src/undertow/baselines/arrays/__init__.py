"""What baselines share whose fit is a handful of arrays, found in closed form."""

from undertow.baselines.arrays.model import ArrayBaseline, Arrays

__all__ = ["ArrayBaseline", "Arrays"]
