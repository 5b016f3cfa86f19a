"""Inference: posteriors over paths, divergences, coordinated dropout."""

from undertow.inference.coordinated_dropout import coordinated_dropout
from undertow.inference.gaussian import GaussianHead, gaussian_kl, kl_to_standard_normal, released_step_kl

__all__ = ["GaussianHead", "coordinated_dropout", "gaussian_kl", "kl_to_standard_normal", "released_step_kl"]
