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
        window_bins: of a causal decoder: bins that a bin looks at, its own among them, and the bin
            from which on time stands still; that of the longest trial it learns from, so that a
            path may go on for as long as one likes. None for all bins.
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
        window_bins: int | None = None,
        norm: Norm = "pre",
        initial_scale: float = 1.0,
    ) -> None:
        if width % heads:
            raise ModelError(f"decoder width {width} is not a multiple of {heads} heads.")
        project = nn.Linear(n_inputs, width)  # first: a seed draws the weights in this order
        super().__init__(width, heads, feedforward, dropout, norm, initial_scale)
        self.feature_dim, self.causal, self.project = width, causal, project
        self.window_bins = window_bins if causal else None
        self.norm_out = nn.LayerNorm(width) if norm == "pre" else nn.Identity()

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        x = self.dropout(self.project(inputs) + self.positions(time_s, inputs.dtype))
        back = None if self.window_bins is None else self.window_bins - 1
        x = self.transform(x, allowed_bins(valid, back, 0 if self.causal else None))
        return x if self.norm == "post" else self.dropout(self.norm_out(x))

    def positions(self, time_s: Tensor, dtype: torch.dtype) -> Tensor:
        """Sines and cosines of the bins of a trial, (time, width)."""
        if self.window_bins is not None and len(time_s) > self.window_bins:
            time_s = time_s.clamp(max=float(time_s[self.window_bins - 1]))
        return sinusoids(time_s, self.feature_dim, dtype)

    def positions_of(self, bin_s: float) -> Tensor:
        """Rows of `positions` of all bins of which they differ, (window_bins, width)."""
        assert self.window_bins is not None
        bins = torch.arange(self.window_bins, device=self.project.weight.device)
        dtype = self.project.weight.dtype
        return sinusoids((bins.to(dtype) + 0.5) * bin_s, self.feature_dim, dtype)

    def decode_next(
        self, inputs: Tensor, position: Tensor, keys: Tensor, values: Tensor, reach: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Decode one bin (trials, inputs); see `TransformerLayer.transform_next`.

        Args:
            inputs: of the bin.
            position: its row of `positions`, (width,).
            keys, values, reach: of earlier bins.
        """
        x, key, value = self.transform_next(self.project(inputs) + position, keys, values, reach)
        return x if self.norm == "post" else self.norm_out(x), key, value


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
