"""One layer of a Transformer: self-attention over the bins, then a feed-forward network."""

from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import one_of
from undertow.composed import is_composed
from undertow.encoders import Dropout

Norm = Literal["pre", "post"]
"""Where a layer normalises: what each part reads, or the sum after it."""


class TransformerLayer(nn.Module):
    """Self-attention and a feed-forward layer, each added to what it read (Vaswani et al. 2017).

    Args:
        width: features per bin.
        heads: attention heads, each of width / heads units, rounded up.
        feedforward: units of the feed-forward layer; None for twice the width.
        dropout: probability of dropping a unit.
        norm: 'pre' (each part reads normalised inputs) or 'post' (the sum after each part is
            normalised).
        initial_scale: factor on the initial weights of what each part adds; T-Fixup's is
            0.67 · layers^(−1/4) (Huang et al. 2020).
    """

    def __init__(
        self,
        width: int,
        heads: int = 4,
        feedforward: int | None = None,
        dropout: float = 0.0,
        norm: Norm = "pre",
        initial_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.norm = one_of("norm", norm, get_args(Norm))
        inner = heads * -(-width // heads)
        hidden = 2 * width if feedforward is None else feedforward
        self.norm_attention, self.norm_feedforward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * inner)
        self.attention_out = nn.Linear(inner, width)
        widen, narrow = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.feedforward = nn.Sequential(widen, nn.GELU(), Dropout(dropout), narrow)
        self.dropout = Dropout(dropout)
        with torch.no_grad():
            for layer in (self.attention_out, widen, narrow):
                layer.weight *= initial_scale

    def transform(self, x: Tensor, allowed: Tensor | None, mixing: Tensor | None = None) -> Tensor:
        """Pass features (trials, time, width) through the layer.

        Args:
            x: the features.
            allowed: True where a bin may look at another, (trials, 1, time, time); None where all
                look everywhere.
            mixing: weights by which the features that attention found are mixed, (trials, part,
                part), in each part of so many features; None to leave them as they are.
        """
        if self.norm == "post":
            x = self.norm_attention(x + self.dropout(self._attend(x, allowed, mixing)))
            out: Tensor = self.norm_feedforward(x + self.dropout(self.feedforward(x)))
            return out
        x = x + self.dropout(self._attend(self.norm_attention(x), allowed, mixing))
        return x + self.dropout(self.feedforward(self.norm_feedforward(x)))

    def transform_next(
        self, x: Tensor, keys: Tensor, values: Tensor, reach: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pass one bin through the layer, given what it remembers of the bins before.

        Args:
            x: its features, (trials, width).
            keys, values: of earlier bins in any order, (trials, heads, bins, width / heads).
            reach: zero for those that the bin may look at, −∞ for the others, (trials, heads,
                bins). It looks at itself in any case.

        Returns:
            features as `transform` gives them in this bin, and the bin's own key and value,
            (trials, heads, width / heads).
        """
        read = self.norm_attention(x) if self.norm == "pre" else x
        parts = self.query_key_value(read).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)) for part in parts)
        query = query * query.shape[-1] ** -0.5
        earlier = (keys @ query[..., None])[..., 0] + reach
        own = (key * query).sum(-1, keepdim=True)
        weights = torch.cat([earlier, own], -1).softmax(-1)
        found = (weights[..., None, :-1] @ values)[..., 0, :] + weights[..., -1:] * value
        attended = self.attention_out(found.flatten(-2))
        if self.norm == "post":
            x = self.norm_attention(x + attended)
            out: Tensor = self.norm_feedforward(x + self.feedforward(x))
            return out, key, value
        x = x + attended
        return x + self.feedforward(self.norm_feedforward(x)), key, value

    def _attend(self, x: Tensor, allowed: Tensor | None, mixing: Tensor | None) -> Tensor:
        """Compute what each bin takes from the bins it may look at, (trials, time, width)."""
        # heads are split after the three parts: that spares two copies going back
        parts = self.query_key_value(x).chunk(3, -1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        attended = _attended(query, key, value, allowed)
        out: Tensor = self.attention_out(attended.transpose(1, 2).flatten(-2))
        if mixing is None:
            return out
        parts_of_all = out.reshape(len(out), -1, mixing.shape[-1])
        return (parts_of_all @ mixing.mT).view_as(out)


def allowed_bins(valid: Tensor, back: int | None = None, ahead: int | None = None) -> Tensor | None:
    """Mark which bins a bin may look at, (trials, 1, time, time); None when all look everywhere.

    Every bin may look at itself, because a query without any key would give NaN.

    Args:
        valid: False where a bin is missing or past the trial's end, (trials, time).
        back, ahead: bins that it looks at before and after itself, at most; None for all.
    """
    if back is None and ahead is None and bool(valid.all()):
        return None
    ones = torch.ones(valid.shape[1], valid.shape[1], dtype=torch.bool, device=valid.device)
    near = ones if back is None else ones.triu(-back)
    near = near if ahead is None else near & ones.tril(ahead)
    own = torch.eye(valid.shape[1], dtype=torch.bool, device=valid.device)
    return ((valid[:, None, :] & near) | own)[:, None]


def _attended(query: Tensor, key: Tensor, value: Tensor, allowed: Tensor | None) -> Tensor:
    """Values weighted by how well keys fit queries, (trials, heads, time, width of a head)."""
    if not is_composed():
        return F.scaled_dot_product_attention(query, key, value, allowed)
    fit = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    if allowed is not None and allowed.dtype == torch.bool:
        fit = fit.masked_fill(~allowed, -torch.inf)
    elif allowed is not None:
        fit = fit + allowed
    return fit.softmax(-1) @ value
