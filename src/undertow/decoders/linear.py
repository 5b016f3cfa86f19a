"""Decoders that look at one bin at a time."""

from torch import Tensor, nn

from undertow.decoders.base import Decoder
from undertow.encoders import Dropout


class LinearDecoder(Decoder):
    """Inputs as features, with dropout; the observation model's linear readout does the rest."""

    causal = True

    def __init__(self, n_inputs: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.feature_dim = n_inputs
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        features: Tensor = self.dropout(inputs)
        return features


class MLPDecoder(Decoder):
    """Two layers with GELU (Gaussian error linear units), the same in every bin.

    Args:
        n_inputs: inputs per bin.
        width: units of both layers.
        dropout: probability of dropping a unit.
    """

    causal = True

    def __init__(self, n_inputs: int, width: int = 128, dropout: float = 0.0) -> None:
        super().__init__()
        self.feature_dim = width
        self.layers = nn.Sequential(
            nn.Linear(n_inputs, width),
            nn.GELU(),
            Dropout(dropout),
            nn.Linear(width, width),
            nn.GELU(),
            Dropout(dropout),
        )

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        features: Tensor = self.layers(inputs)
        return features
