"""`NDT` (Ye & Pandarinath 2021) and `STNDT` (Le & Shlizerman 2022)."""

from typing import Literal

from undertow.inference import Share
from undertow.models.ndt.options import Contrast, Masking, Mixes, TransformerEncoding
from undertow.models.ndt.shared import MaskedTransformer
from undertow.models.pieces import Counts
from undertow.training import Training


class NDT(MaskedTransformer):
    cli_name = "ndt"

    def __init__(
        self,
        encoder: TransformerEncoding = TransformerEncoding(),  # noqa: B008 (frozen)
        masking: Masking = Masking(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        *,
        dropout: float = 0.4,
        coordinated_dropout: Share = (0.0, 0.8),
        causal: bool = False,
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(refit=True),  # noqa: B008 (frozen)
    ) -> None:
        self.encoder, self.masking, self.observation = encoder, masking, observation
        self.dropout, self.coordinated_dropout, self.causal = dropout, coordinated_dropout, causal
        self.seed, self.device, self.training = seed, device, training


class STNDT(MaskedTransformer):
    cli_name = "stndt"

    def __init__(
        self,
        encoder: TransformerEncoding = TransformerEncoding(),  # noqa: B008 (frozen)
        masking: Masking = Masking(),  # noqa: B008 (frozen)
        observation: Counts | Literal["poisson", "negative-binomial"] = "poisson",
        *,
        mixes: Mixes | None = "counts",
        contrast: Contrast = Contrast(),  # noqa: B008 (frozen)
        dropout: float = 0.4,
        coordinated_dropout: Share = (0.0, 0.8),
        seed: int = 0,
        device: str = "auto",
        training: Training = Training(refit=True),  # noqa: B008 (frozen)
    ) -> None:
        self.encoder, self.masking, self.observation = encoder, masking, observation
        self.mixes, self.contrast, self.dropout = mixes, contrast, dropout
        self.coordinated_dropout = coordinated_dropout
        self.seed, self.device, self.training = seed, device, training
