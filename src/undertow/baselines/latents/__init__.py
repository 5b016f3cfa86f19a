"""What baselines with Gaussian latents share: network, learner, readouts of rates, predictions."""

from undertow.baselines.latents.model import LatentBaseline
from undertow.baselines.latents.network import Inferred, LatentNetwork, Observed

__all__ = ["Inferred", "LatentBaseline", "LatentNetwork", "Observed"]
