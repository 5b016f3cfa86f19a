"""Transformer decoder of one layer over the whole window."""

import math

import torch
from torch import Tensor, nn

from undertow.decoders.base import Decoder
from undertow.decoders.transformer_layer import Norm, TransformerLayer, allowed_bins
from undertow.errors import ModelError


class TransformerDecoder(TransformerLayer, Decoder):
    """Self-attention and a feed-forward layer over [z, v, h] of every bin (LangevinFlow Fig. 1).

    Bins that are missing or past a trial's end are not keys: whatever is in them changes nothing
    elsewhere. Time enters as sines and cosines of the bin centres in seconds, so that the bin width
    does not change the layer.

    Args:
        n_inputs: inputs per bin.
        width: model width, a multiple of `heads`; inputs are projected to it.
        heads: attention heads.
        feedforward: units of the feed-forward layer.
        dropout: probability of dropping a unit.
        causal: attend only to the past.
        norm: 'pre' (each part reads normalised inputs) or 'post' (the sum after each part is
            normalised).
        initial_scale: factor on the initial weights of what each part adds; 0.67 is T-Fixup's for
            one layer (Huang et al. 2020).
    """

    def __init__(
        self,
        n_inputs: int,
        width: int = 128,
        heads: int = 4,
        feedforward: int | None = None,
        dropout: float = 0.0,
        causal: bool = False,
        norm: Norm = "pre",
        initial_scale: float = 1.0,
    ) -> None:
        if width % heads:
            raise ModelError(f"decoder width {width} is not a multiple of {heads} heads.")
        project = nn.Linear(n_inputs, width)  # first: a seed draws the weights in this order
        super().__init__(width, heads, feedforward, dropout, norm, initial_scale)
        self.feature_dim, self.causal, self.project = width, causal, project
        self.norm_out = nn.LayerNorm(width) if norm == "pre" else nn.Identity()

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        x = self.dropout(self.project(inputs) + sinusoids(time_s, self.feature_dim, inputs.dtype))
        x = self.transform(x, allowed_bins(valid, ahead=0 if self.causal else None))
        return x if self.norm == "post" else self.dropout(self.norm_out(x))


def sinusoids(
    time_s: Tensor, width: int, dtype: torch.dtype, shortest_s: float = 0.2, longest_s: float = 20.0
) -> Tensor:
    """Sines and cosines of time, with periods evenly spaced on a log scale, (time, width)."""
    half = (width + 1) // 2
    periods = torch.logspace(
        math.log10(shortest_s), math.log10(longest_s), half, dtype=dtype, device=time_s.device
    )
    angle = 2 * math.pi * time_s.to(dtype)[:, None] / periods
    return torch.cat([angle.sin(), angle.cos()], -1)[:, :width]
