"""`LSTMEncoding`: options of the encoder of a latent SDE."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.encoders import Direction, LSTMEncoder
from undertow.errors import ModelError
from undertow.models.encoding import Encoding

MOST_STRIDE = 10_000
"""Most bins that are read as one: more is a slip."""


@dataclass(frozen=True)
class LSTMEncoding(Encoding):
    """Two stacked LSTMs, one for the initial state, one for the context (`LSTMEncoder`).

    Attributes:
        hidden_dim: units of each layer, and width of the context per direction.
        context: direction in which the context network reads: 'backward' (bin t has seen bins from
            t on), 'forward' or 'both'; 'auto' is 'backward' where a simulated state carries the
            past, else 'both'.
        missing: what a missing count in a bin that was observed reads as: 'neurons': as the
            neuron's mean, and a channel per neuron says which counts are known (`Presence`);
            'bins': as zero; 'auto': the mean, with the channels where counts are missing from the
            training trials or neurons are dropped.
        neuron_dropout: share of the neurons that it does not see in a training trial, so that it
            learns what a missing neuron is.
        stride: bins that the context network reads as one, their counts summed, with the context
            between read off straight lines: so many times cheaper for long trials.
        read_in: see `Encoding`.
    """

    name: ClassVar[str | None] = "lstm"
    context: Literal["auto", "backward", "forward", "both"] = "auto"
    missing: Literal["auto", "neurons", "bins"] = "auto"
    neuron_dropout: float = 0.0
    stride: int = 1

    def check(self) -> None:
        super().check()
        checks.whole(self.of("stride"), self.stride, 1, MOST_STRIDE)
        checks.share(self.of("neuron_dropout"), self.neuron_dropout)
        if self.neuron_dropout and self.missing == "bins":
            raise ModelError(
                f"encoder.neuron_dropout is {self.neuron_dropout:g} with encoder.missing='bins', "
                "which reads a missing neuron as a silent one: use missing='neurons'."
            )

    def direction(self, simulated: bool = True) -> Direction:
        """Direction of the context; 'auto' depends on whether paths are simulated in training."""
        if self.context == "auto":
            return "backward" if simulated else "both"
        return self.context

    def build(
        self,
        n_inputs: int,
        initial_bins: int | None,
        dropout: float,
        simulated: bool = True,
        n_others: int = 0,
    ) -> LSTMEncoder:
        """Build the encoder; the initial state is inferred from `initial_bins` bins.

        Of its inputs the last `n_others` are of no neuron.
        """
        return LSTMEncoder(
            n_inputs,
            self.hidden_dim,
            2,
            initial_bins,
            self.direction(simulated),
            dropout,
            self.stride,
            self.build_read_in(n_inputs - n_others),
        )
