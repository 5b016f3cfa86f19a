"""Masked modelling: which held-in counts are masked, and what stands in their place."""

import torch
from torch import Tensor

from undertow.inference import Share, coordinated_dropout
from undertow.inference.coordinated_dropout import mean_share
from undertow.models.ndt.options import Masking
from undertow.randomness import random_mask, representable_share


def mask_counts(
    counts: Tensor, masking: Masking, share: Share, generator: torch.Generator, progress: float
) -> tuple[Tensor, Tensor]:
    """Mask bins or entries, after coordinated dropout has hidden single entries.

    Args:
        counts: held-in counts, (trials, time, neurons).
        masking: what is masked.
        share: of the entries, hidden by coordinated dropout.
        generator: source of both.
        progress: share of the training that is done.

    Returns:
        inputs: what the network is given, of the same shape;
        weight: likelihood weight of each entry: 1 / (share that is masked or hidden) there and 0
            elsewhere, so that the expected log-likelihood is that of all entries; 1 everywhere
            where nothing is masked or hidden.
    """
    inputs, weight = coordinated_dropout(counts, share, generator)
    if masking.share == 0:
        return inputs, weight
    units = counts.shape[2] if masking.unit == "entries" else 1
    span = _span(masking, generator, progress)
    mask = draw_mask((*counts.shape[:2], units), masking.share, span, generator)
    inputs = _covered(inputs, mask, masking, int(counts.max()), generator)
    hidden = mask.expand_as(counts)
    if mean_share(share) > 0:
        hidden = hidden | (weight > 0)
    shown = (1 - representable_share(masking.share)) * (1 - _hidden_share(share))
    return inputs, hidden.to(counts.dtype) / (1 - shown)


def draw_mask(
    shape: tuple[int, int, int], share: float, span: int, generator: torch.Generator
) -> Tensor:
    """Mask a share of (trials, time, units), in spans of so many bins that may overlap.

    Spans start everywhere alike, also before the first bin, so that every bin is masked with
    probability `representable_share(share)`.
    """
    if span == 1:
        return random_mask(shape, share, generator)
    trials, n_time, units = shape
    start = 1 - (1 - representable_share(share)) ** (1 / span)
    size = (trials, n_time + span - 1, units)
    starts = torch.rand(size, generator=generator, device=generator.device) < start
    return starts.unfold(1, span, 1).any(-1)


def _hidden_share(share: Share) -> float:
    """Share that coordinated dropout hides on average."""
    return mean_share(share) if isinstance(share, tuple) else representable_share(share)


def _span(masking: Masking, generator: torch.Generator, progress: float) -> int:
    """Draw how many bins in a row are masked together in a batch."""
    draw = torch.rand(2, generator=generator, device=generator.device).tolist()
    if draw[0] >= masking.expanding(progress):
        return 1
    return 1 + int(draw[1] * masking.longest_span)


def _covered(
    counts: Tensor, mask: Tensor, masking: Masking, most: int, generator: torch.Generator
) -> Tensor:
    """Put zeros or random counts where counts are masked, or leave them."""
    if masking.zeroed == 1:
        return counts.masked_fill(mask, 0.0)
    zeroed = mask & random_mask(mask.shape, masking.zeroed, generator)
    other = mask & ~zeroed & random_mask(mask.shape, masking.replaced, generator)
    drawn = torch.randint(most + 1, counts.shape, generator=generator, device=counts.device)
    return torch.where(other, drawn.to(counts.dtype), counts.masked_fill(zeroed, 0.0))
