"""`NDT` (Ye & Pandarinath 2021) and `STNDT` (Le & Shlizerman 2022)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from undertow.inference import Share
from undertow.models.ndt.options import SPACE, Contrast, Masking, Mixes, TransformerEncoding
from undertow.models.ndt.shared import MaskedTransformer
from undertow.models.pieces import Counts
from undertow.models.search_space import Choices, SearchSpace
from undertow.training import Training


class NDT(MaskedTransformer):
    """Neural Data Transformer: single-trial rates from a Transformer over the bins of each trial.

    The held-in counts of each bin are embedded linearly; layers of attention over the bins follow,
    and a linear readout gives the rates of all neurons, held-in and held-out (Ye & Pandarinath
    2021, arXiv 2108.01210). It learns from the counts that are masked, so that none is predicted
    from itself. Nothing is drawn: it has no latents, and one prediction.

    Args:
        encoder: options of the Transformer, `TransformerEncoding(…)`.
        masking: what of the held-in counts is masked in training, `Masking(…)`.
        observation: 'poisson', 'negative-binomial', or `Counts(…)`.
        dropout: share of features dropped in training, in and between the layers.
        coordinated_dropout: share of the held-in counts hidden in training, the others scaled up;
            of two, each trial draws its own between them. Beside `masking`, or in its place.
        causal: make rates at a bin depend on no later bin.
        seed: seed of weights, batches and masks.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.

    Attributes:
        history_: one row per validation.
        validation_score_: validation score of the weights that were kept, bits per spike.
        network_: the fitted `NDTNetwork`.
    """

    cli_name = "ndt"
    acausal: ClassVar[Mapping[str, Any]] = {"causal": False}
    search_space: ClassVar[SearchSpace] = SPACE

    def __init__(
        self,
        encoder: TransformerEncoding = TransformerEncoding(),  # noqa: B008 (frozen)
        masking: Masking = Masking(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        *,
        dropout: float = 0.4,
        coordinated_dropout: Share = 0.4,
        causal: bool = False,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(steps=1000, batch_size=32, refit=True),  # noqa: B008
    ) -> None:
        self.encoder, self.masking, self.observation = encoder, masking, observation
        self.dropout, self.coordinated_dropout, self.causal = dropout, coordinated_dropout, causal
        self.seed, self.device, self.training = seed, device, training


class STNDT(MaskedTransformer):
    """Spatiotemporal Neural Data Transformer: an `NDT` with attention over neurons too.

    Held-in neurons are tokens, whose features are their time series in the trial; the weights of
    their attention mix the neurons (Le & Shlizerman 2022, arXiv 2206.04727). Held-out neurons are
    no tokens, as their spikes are not seen: they are read linearly from the last features, as all
    neurons are. The time series are of the whole trial, so that no rate is causal; trials may be
    longer than those learned from.

    Args:
        encoder: options of the Transformer, `TransformerEncoding(…)`.
        masking: what of the held-in counts is masked in training, `Masking(…)`.
        observation: 'poisson', 'negative-binomial', or `Counts(…)`.
        mixes: what the weights mix: 'counts', once; 'features' of each layer, of which each held-in
            neuron then has as many (the paper's); None for nothing.
        contrast: weight and temperature of the contrastive term, `Contrast(…)`.
        dropout: share of features dropped in training, in and between the layers.
        coordinated_dropout: share of the held-in counts hidden in training, the others scaled up;
            of two, each trial draws its own between them. Beside `masking`, or in its place.
        seed: seed of weights, batches and masks.
        device: 'auto', 'cpu', 'cuda', …
        training: options of the training loop.

    Attributes:
        history_: one row per validation.
        validation_score_: validation score of the weights that were kept, bits per spike.
        network_: the fitted `NDTNetwork`.
    """

    cli_name = "stndt"
    search_space: ClassVar[SearchSpace] = {
        **SPACE,
        "contrast__weight": Choices((0.0, 0.1, 1.0, 10.0)),
    }

    def __init__(
        self,
        encoder: TransformerEncoding = TransformerEncoding(),  # noqa: B008 (frozen)
        masking: Masking = Masking(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        *,
        mixes: Mixes | None = "counts",
        contrast: Contrast = Contrast(),  # noqa: B008 (frozen)
        dropout: float = 0.4,
        coordinated_dropout: Share = 0.4,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(steps=1000, batch_size=32, refit=True),  # noqa: B008
    ) -> None:
        self.encoder, self.masking, self.observation = encoder, masking, observation
        self.mixes, self.contrast, self.dropout = mixes, contrast, dropout
        self.coordinated_dropout = coordinated_dropout
        self.seed, self.device, self.training = seed, device, training
