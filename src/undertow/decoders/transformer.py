"""Transformer decoder of one layer over the whole window."""

import math
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import one_of
from undertow.decoders.base import Decoder
from undertow.encoders import Dropout
from undertow.errors import ModelError

Norm = Literal["pre", "post"]
"""Where a layer normalises: what each part reads, or the sum after it."""


class TransformerDecoder(Decoder):
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
        super().__init__()
        self.norm = one_of("norm", norm, get_args(Norm))
        if width % heads:
            raise ModelError(f"decoder width {width} is not a multiple of {heads} heads.")
        self.feature_dim, self.heads, self.causal = width, heads, causal
        self.project = nn.Linear(n_inputs, width)
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_out = nn.LayerNorm(width) if norm == "pre" else nn.Identity()
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        hidden = 2 * width if feedforward is None else feedforward
        widen, narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.feedforward = nn.Sequential(widen, nn.GELU(), Dropout(dropout), narrow)
        self.dropout = Dropout(dropout)
        with torch.no_grad():
            for layer in (self.attention_out, widen, narrow):
                layer.weight *= initial_scale

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        x = self.dropout(self.project(inputs) + sinusoids(time_s, self.feature_dim, inputs.dtype))
        if self.norm == "post":
            x = self.norm_attention(x + self.dropout(self._attend(x, valid)))
            return self.norm_feedforward(x + self.dropout(self.feedforward(x)))
        x = x + self.dropout(self._attend(self.norm_attention(x), valid))
        x = x + self.dropout(self.feedforward(self.norm_feedforward(x)))
        return self.dropout(self.norm_out(x))

    def _attend(self, x: Tensor, valid: Tensor) -> Tensor:
        """Compute what each bin takes from the bins it may look at, (trials, time, width)."""
        # heads are split after the three parts: that spares two copies going back
        parts = self.query_key_value(x).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        attended = F.scaled_dot_product_attention(query, key, value, self._mask(valid))
        out: Tensor = self.attention_out(attended.transpose(1, 2).flatten(-2))
        return out

    def _mask(self, valid: Tensor) -> Tensor | None:
        """Mark the keys that a query may look at; None when all may look everywhere.

        Every bin may look at itself, because a query without any key would give NaN.
        """
        if not self.causal and bool(valid.all()):
            return None
        n_time = valid.shape[1]
        own = torch.eye(n_time, dtype=torch.bool, device=valid.device)
        allowed = valid[:, None, :] | own
        if self.causal:
            allowed = allowed & torch.ones_like(own).tril()
        return allowed[:, None]


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
