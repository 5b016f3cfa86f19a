"""Simple models that every table compares with, behind the same fit and predict."""

from undertow.baselines.smoothing import Smoothing

__all__ = ["Smoothing"]
