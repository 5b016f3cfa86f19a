"""Options of encoders that models share: recurrent or linear, with a read-in or without one."""

from dataclasses import dataclass
from typing import ClassVar

from undertow import checks
from undertow.encoders import (
    Encoder,
    GRUEncoder,
    LinearEncoder,
    ReadIn,
    Reads,
)
from undertow.options import Options

WIDEST = 65_536
"""Most units of a layer; the memory of the whole network is checked before it is built."""


@dataclass(frozen=True)
class Encoding(Options):
    """Options of an encoder: spikes → a context in every bin, and features of the initial state.

    Attributes:
        hidden_dim: width of the context, per direction, at most 65,536.
        read_in: channels, at most 65,536, to which a linear map brings the neurons' counts before
            the encoder reads them; None where it reads the neurons.
    """

    argument: ClassVar[str] = "encoder"
    hidden_dim: int = 64
    read_in: int | None = None

    def check(self) -> None:
        checks.whole(self.of("hidden_dim"), self.hidden_dim, 1, WIDEST)
        if self.read_in is not None:
            checks.whole(self.of("read_in"), self.read_in, 1, WIDEST)

    def build_read_in(self, n_neurons: int) -> ReadIn | None:
        """Build the read-in of so many neurons; None where there is none."""
        return None if self.read_in is None else ReadIn(n_neurons, self.read_in)


@dataclass(frozen=True)
class GRUEncoding(Encoding):
    """A GRU over the counts (`undertow.encoders.GRUEncoder`).

    Attributes:
        hidden_dim: units per direction, at most 65,536.
        bidirectional: also run backwards from each trial's end; it is then not causal.
        reads: what the GRU sees at bin t: 'current' (x_t), 'previous' (x_{t−1}) or 'held' (x_{t−1},
            with the first bin read twice and the last one repeated in forward bins).
        recurrent_dropout: share of its state dropped between bins.
        read_in: see `Encoding`.
    """

    name: ClassVar[str | None] = "gru"
    bidirectional: bool = True
    reads: Reads = "current"
    recurrent_dropout: float = 0.0

    def check(self) -> None:
        super().check()
        checks.share(self.of("recurrent_dropout"), self.recurrent_dropout)

    def build(
        self, n_inputs: int, initial_bins: int | None, dropout: float, n_others: int = 0
    ) -> Encoder:
        """Build the encoder; the initial state is inferred from `initial_bins` bins.

        Of its inputs the last `n_others` are of no neuron.
        """
        return GRUEncoder(
            n_inputs,
            self.hidden_dim,
            self.bidirectional,
            initial_bins,
            dropout,
            self.reads,
            self.recurrent_dropout,
            self.build_read_in(n_inputs - n_others),
        )


@dataclass(frozen=True)
class LinearEncoding(Encoding):
    """A linear map of each bin's counts: no bin knows of another (LangevinFlow, Baseline 2).

    Attributes:
        hidden_dim: width of the context, at most 65,536.
        read_in: see `Encoding`.
    """

    name: ClassVar[str | None] = "linear"

    @property
    def bidirectional(self) -> bool:
        """Always False: a linear map of one bin looks neither back nor ahead."""
        return False

    def build(
        self, n_inputs: int, initial_bins: int | None, dropout: float, n_others: int = 0
    ) -> Encoder:
        """Build the encoder; the initial state is inferred from `initial_bins` bins.

        Of its inputs the last `n_others` are of no neuron.
        """
        read_in = self.build_read_in(n_inputs - n_others)
        return LinearEncoder(n_inputs, self.hidden_dim, initial_bins, dropout, read_in)
