"""What the parts of a `LangevinNetwork` hand to each other for a batch of trials."""

from dataclasses import dataclass

from torch import Tensor, nn

from undertow.decoders import Decoder
from undertow.observations import Observation


class Head(nn.Module):
    """Decoder with an observation of its own.

    Attributes:
        decoder: reads inputs of every bin side by side.
        observation: reads the decoder's features.
    """

    def __init__(self, decoder: Decoder, observation: Observation) -> None:
        super().__init__()
        self.decoder, self.observation = decoder, observation


@dataclass(frozen=True)
class Encoded:
    """Output of the encoder for a batch, from which many samples can be drawn.

    Attributes:
        inputs: counts the encoder read, (trials, time, held-in neurons), zero in hidden bins.
        context: (trials, time, context_dim).
        initial: features of the initial state, (trials, initial_dim).
    """

    inputs: Tensor
    context: Tensor
    initial: Tensor

    def take(self, index: Tensor) -> "Encoded":
        """Return the same of some of the trials."""
        return Encoded(self.inputs[index], self.context[index], self.initial[index])


@dataclass(frozen=True)
class Inferred:
    """One posterior sample for a batch.

    Attributes:
        features: what the observation model reads, (trials, time, features).
        latents: name → (trials, time, dim).
        kl_initial: per trial and coordinate, (trials, state_dim).
        kl_path: per trial and noisy coordinate, summed over bins, (trials, noise_dim).
    """

    features: Tensor
    latents: dict[str, Tensor]
    kl_initial: Tensor
    kl_path: Tensor
