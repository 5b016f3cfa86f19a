"""Coordinated dropout (Keshtkaran & Pandarinath 2019): hide some inputs, learn from these alone."""

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.randomness import random_mask, representable_share


def coordinated_dropout(
    counts: Tensor, share: float, generator: torch.Generator, learn_from_kept: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Hide a random `share` of the entries.

    Args:
        counts: encoder inputs, (trials, time, neurons).
        share: probability of hiding an entry, 0 ≤ share < 1, in steps of 1/256.
        generator: source of the mask.
        learn_from_kept: share of the entries not hidden that are learned from too.

    Returns:
        inputs: `counts` with hidden entries set to zero and the others divided by (1 − share);
        weight: the likelihood weight of each entry: 1 / (share of the entries learned from) where
            learned from, 0 elsewhere (1 everywhere when share is 0), so that the expected
            log-likelihood is that of all entries.
    """
    if share == 0:
        return counts, torch.ones_like(counts)
    share = representable_share(share)
    hidden = random_mask(counts.shape, share, generator).to(counts.dtype)
    learned = hidden
    if learn_from_kept > 0:
        picked = random_mask(counts.shape, learn_from_kept, generator).to(counts.dtype)
        learned = torch.maximum(hidden, picked)
        share_learned = share + (1 - share) * representable_share(learn_from_kept)
    else:
        share_learned = share
    # scaled up, so that the encoder sees the same mean counts in training and in prediction
    return counts * (1 - hidden) / (1 - share), learned / share_learned


def likelihood_weight(batch: Batch, input_weight: Tensor) -> Tensor:
    """The weight of every entry's log-likelihood, (trials, time, neurons).

    Held-in neurons in bins the encoder sees have `input_weight`; held-out neurons and forward bins,
    which it never sees, count whole.
    """
    weight = torch.ones_like(batch.targets)
    weight[:, :, batch.heldin] = torch.where(batch.observed[..., None], input_weight, 1.0)
    return weight
