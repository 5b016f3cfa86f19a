"""Options of the NDT's own pieces: its Transformer, what is masked, and the contrastive term."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from undertow import checks
from undertow.decoders import Norm
from undertow.errors import ModelError
from undertow.models.encoding import WIDEST
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.options import Options

Mixes = Literal["counts", "features"]
"""What the weights of an attention over neurons mix."""
SPACE: SearchSpace = {
    "training__learning_rate": Range(5e-4, 1e-2, "log"),
    "training__weight_decay": Range(1e-4, 0.1, "log"),
    "dropout": Range(0.1, 0.7),
    "coordinated_dropout": Range(0.1, 0.7),
    "encoder__layers": Choices((1, 2, 4, 6)),
    "encoder__width": Choices((32, 64, 128)),
}
"""What a search varies: regularisation, step size, sizes."""
MOST_LAYERS, LONGEST_S, MOST_WEIGHT = 1000, 1e9, 1e9


@dataclass(frozen=True)
class TransformerEncoding(Options):
    """A Transformer over the bins of each trial (Ye & Pandarinath 2021, Fig. 1).

    Attributes:
        layers: number of layers, at most 1,000.
        width: features of a bin, at most 65,536. An STNDT that mixes features takes the next
            multiple of the number of held-in neurons.
        heads: attention heads, at most `width`, each of width / heads units, rounded up.
        feedforward: units of each feed-forward layer; None for twice the width.
        norm: 'pre' or 'post' normalisation.
        positions: what tells bins apart: 'sinusoidal' (sines and cosines of seconds, for trials of
            any length) or 'learned' (for trials no longer than those learned from).
        back_s, ahead_s: seconds that a bin looks back and ahead, in every layer; None for all.
        initial_scale: factor on the initial weights of what each layer adds, times layers^(−1/4),
            at most 100; T-Fixup's is 0.67 (Huang et al. 2020).
    """

    argument: ClassVar[str] = "encoder"
    layers: int = 4
    width: int = 64
    heads: int = 4
    feedforward: int | None = None
    norm: Norm = "pre"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    back_s: float | None = None
    ahead_s: float | None = None
    initial_scale: float = 0.67

    def check(self) -> None:
        checks.whole(self.of("layers"), self.layers, 1, MOST_LAYERS)
        checks.whole(self.of("width"), self.width, 1, WIDEST)
        checks.whole(self.of("heads"), self.heads, 1, self.width)
        if self.feedforward is not None:
            checks.whole(self.of("feedforward"), self.feedforward, 1, WIDEST)
        for name in ("back_s", "ahead_s"):
            if (seconds := getattr(self, name)) is not None:
                checks.number(self.of(name), seconds, 0, LONGEST_S, unit="seconds")
        checks.number(self.of("initial_scale"), self.initial_scale, 0, 100, above=True)


@dataclass(frozen=True)
class Masking(Options):
    """What of the held-in counts is masked in training, and learned from (masked modelling).

    Attributes:
        share: of the bins or entries, masked in each batch; 0 for none.
        unit: what is masked at once: 'bins' (all neurons of a bin) or 'entries'.
        zeroed: share of the masked that is set to zero.
        replaced: of those masked and not zeroed, the share whose counts are replaced by random
            ones, between zero and the highest of the batch; the others stay as they are.
        longest_span: most bins in a row that are masked together; spans of a batch are all as long,
            from one bin to this.
        span_ramp: shares of the training between which the probability that a batch has such spans
            rises from 0 to 1.
    """

    argument: ClassVar[str] = "masking"
    share: float = 0.0
    unit: Literal["bins", "entries"] = "bins"
    zeroed: float = 0.8
    replaced: float = 0.5
    longest_span: int = 1
    span_ramp: tuple[float, float] = (0.2, 0.4)

    def check(self) -> None:
        checks.share(self.of("share"), self.share)
        for name in ("zeroed", "replaced"):
            checks.number(self.of(name), getattr(self, name), 0, 1)
        checks.whole(self.of("longest_span"), self.longest_span, 1, 10**6)
        name, ramp = self.of("span_ramp"), self.span_ramp
        if len(ramp) != 2:
            raise ModelError(f"{name} is {ramp}: it must be two shares of the training.")
        for edge in ramp:
            checks.number(name, edge, 0, 1)
        if ramp[0] > ramp[1]:
            raise ModelError(f"{name} is {ramp}: the earlier share comes first.")

    def expanding(self, progress: float) -> float:
        """Probability that a batch has spans, at a share `progress` of the training."""
        start, stop = self.span_ramp
        if self.longest_span == 1 or progress < start:
            return 0.0
        return 1.0 if progress >= stop else (progress - start) / (stop - start)


@dataclass(frozen=True)
class Contrast(Options):
    """The contrastive term of STNDT (Le & Shlizerman 2022).

    Attributes:
        weight: of the term, in nats, beside the likelihood in nats per trial; 0 for none.
        temperature: of the similarities, at most 100.
    """

    argument: ClassVar[str] = "contrast"
    weight: float = 0.0
    temperature: float = 0.07

    def check(self) -> None:
        checks.number(self.of("weight"), self.weight, 0, MOST_WEIGHT)
        checks.number(self.of("temperature"), self.temperature, 1e-6, 100)
