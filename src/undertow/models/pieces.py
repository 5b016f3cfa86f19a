"""Options that models share: decoders and observations, which they build."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from undertow import checks
from undertow.decoders import (
    Decoder,
    LinearDecoder,
    MLPDecoder,
    Norm,
    RegionalDecoder,
    TransformerDecoder,
)
from undertow.errors import ModelError
from undertow.models.encoding import WIDEST
from undertow.models.population import Population
from undertow.observations import (
    Link,
    NegativeBinomialObservation,
    Observation,
    PoissonObservation,
)
from undertow.options import Options


@dataclass(frozen=True)
class Decoding(Options):
    """Options of a decoder: latents, and the encoder's state h, → features of the rates.

    Attributes:
        inputs: which of 'z', 'v' (positions and velocities) and 'h' it sees.
        read: 'apart' gives latents and h decoders of their own, whose rates are pooled: the latents
            one that reads each bin alone, so that the path is all that joins the bins, and h that
            one's like beside this one; 'together' one decoder that sees all.
        withhold_h: with 'together', the share of the training trials in which the decoder sees
            zeros in place of h, so that the latents must carry what it needs.
    """

    argument: ClassVar[str] = "decoder"
    inputs: tuple[Literal["z", "v", "h"], ...] = ("z", "v", "h")
    read: Literal["apart", "together"] = "apart"
    withhold_h: float = 0.0

    def check(self) -> None:
        if not self.inputs:
            raise ModelError(
                "decoder.inputs is empty: the decoder must see at least one of 'z', 'v', 'h'."
            )
        for part in self.inputs:
            checks.one_of(self.of("inputs"), part, ("z", "v", "h"))
        checks.one_of(self.of("read"), self.read, ("apart", "together"))
        checks.share(self.of("withhold_h"), self.withhold_h)

    @abstractmethod
    def build(
        self, n_inputs: int, dropout: float, causal: bool, window_bins: int | None = None
    ) -> Decoder:
        """Build the decoder of so many inputs per bin; a causal one remembers `window_bins`."""

    @property
    def by_bins(self) -> "Decoding":
        """A decoder of the same size that reads each bin alone; this one where it does."""
        return self


@dataclass(frozen=True)
class TransformerDecoding(Decoding):
    """A one-layer Transformer over the window (`undertow.decoders.TransformerDecoder`).

    Attributes:
        width: number of its features, at most 65,536; a multiple of `heads`.
        heads: number of attention heads.
        feedforward: units of the feed-forward layer; None for twice the width.
        norm: 'pre' or 'post' normalisation.
        initial_scale: factor on the initial weights of its outputs, at most 100; T-Fixup's is 0.67.
        inputs, read, withhold_h: see `Decoding`.
    """

    name: ClassVar[str | None] = "transformer"
    width: int = 128
    heads: int = 4
    feedforward: int | None = None
    norm: Norm = "pre"
    initial_scale: float = 1.0

    def check(self) -> None:
        super().check()
        checks.whole(self.of("width"), self.width, 1, WIDEST)
        checks.whole(self.of("heads"), self.heads, 1, WIDEST)
        if self.feedforward is not None:
            checks.whole(self.of("feedforward"), self.feedforward, 1, WIDEST)
        checks.number(self.of("initial_scale"), self.initial_scale, 0, 100, above=True)

    def build(
        self, n_inputs: int, dropout: float, causal: bool, window_bins: int | None = None
    ) -> Decoder:
        return TransformerDecoder(
            n_inputs,
            self.width,
            self.heads,
            self.feedforward,
            dropout,
            causal,
            window_bins,
            self.norm,
            self.initial_scale,
        )

    @property
    def by_bins(self) -> Decoding:
        return MLPDecoding(self.inputs, self.read, self.withhold_h, self.width)


@dataclass(frozen=True)
class MLPDecoding(Decoding):
    """Two-layer network, the same in every bin.

    Attributes:
        width: units of both layers, at most 65,536.
        inputs, read, withhold_h: see `Decoding`.
    """

    name: ClassVar[str | None] = "mlp"
    width: int = 128

    def check(self) -> None:
        super().check()
        checks.whole(self.of("width"), self.width, 1, WIDEST)

    def build(
        self, n_inputs: int, dropout: float, causal: bool, window_bins: int | None = None
    ) -> Decoder:
        return MLPDecoder(n_inputs, self.width, dropout)


@dataclass(frozen=True)
class LinearDecoding(Decoding):
    """Linear map of latents and h to rates, made by the observation model alone (Baseline 1).

    Attributes:
        inputs, read, withhold_h: see `Decoding`.
    """

    name: ClassVar[str | None] = "linear"

    def build(
        self, n_inputs: int, dropout: float, causal: bool, window_bins: int | None = None
    ) -> Decoder:
        return LinearDecoder(n_inputs, dropout)


@dataclass(frozen=True)
class RegionalDecoding(Options):
    """One layer of features for each region, which reads only that region's units.

    Attributes:
        width: features per region, at most 65,536.
    """

    argument: ClassVar[str] = "decoder"
    name: ClassVar[str | None] = "regional"
    width: int = 128

    def check(self) -> None:
        checks.whole(self.of("width"), self.width, 1, WIDEST)

    def build(
        self, n_inputs: int, groups: Sequence[Sequence[int]], numbers: int, dropout: float
    ) -> Decoder:
        """Build the decoder of units of so many numbers; each group of units is a region."""
        return RegionalDecoder(n_inputs, groups, numbers, self.width, dropout)


OBSERVATIONS = {"poisson": PoissonObservation, "negative-binomial": NegativeBinomialObservation}


@dataclass(frozen=True)
class Counts(Options):
    """Options for how spike counts are observed.

    Attributes:
        kind: 'poisson' or 'negative-binomial'.
        link: 'exp' or 'softplus', from features to rates.
        rate_floor_hz: the least rate of a neuron, spikes/s; below 1,000.
    """

    argument: ClassVar[str] = "observation"
    kind: Literal["poisson", "negative-binomial"] = "poisson"
    link: Link = "exp"
    rate_floor_hz: float = 0.1

    def check(self) -> None:
        checks.number(self.of("rate_floor_hz"), self.rate_floor_hz, 0, 1e3, below=True)

    def build(self, feature_dim: int, population: Population) -> Observation:
        """Build the observation of this population; neurons read their region's features."""
        regions = len(population.regions)
        region = population.region_of if regions > 1 else None
        rates, floor_hz = torch.tensor(population.mean_rates), self.rate_floor_hz
        return OBSERVATIONS[self.kind](
            feature_dim, rates, population.bin_s, floor_hz, self.link, region, regions
        )
