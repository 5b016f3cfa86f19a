"""Coordinated dropout (Keshtkaran & Pandarinath 2019): hide some inputs, learn from these alone."""

import torch
from torch import Tensor

from undertow import checks
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.randomness import random_mask, representable_share

Share = float | tuple[float, float]
"""Of the inputs that are hidden; of two, each trial draws its own between them."""


def coordinated_dropout(
    counts: Tensor, share: Share, generator: torch.Generator, learn_from_kept: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Hide a random `share` of the entries.

    Args:
        counts: encoder inputs, (trials, time, neurons).
        share: probability of hiding an entry, 0 ≤ share < 1, in steps of 1/256. Of two, each trial
            draws its own uniformly between them: the encoder then learns to read nearly whole
            inputs, as it will when it predicts, and still has hidden ones to learn from.
        generator: source of the mask.
        learn_from_kept: share of the entries not hidden that are learned from too.

    Returns:
        inputs: `counts` with hidden entries set to zero and the others divided by (1 − share) of
            their trial;
        weight: the likelihood weight of each entry: 1 / (mean share of the entries learned from)
            where learned from, 0 elsewhere (1 everywhere when share is 0), so that the expected
            log-likelihood is that of all entries.
    """
    mean = mean_share(share)
    if mean == 0:
        return counts, torch.ones_like(counts)
    if isinstance(share, tuple):
        each = torch.rand(len(counts), 1, 1, generator=generator, device=counts.device)
        between = share[0] + (share[1] - share[0]) * each.to(counts.dtype)
        own: float | Tensor = (256 * between).round() / 256
    else:
        own = mean = representable_share(share)
    hidden = random_mask(counts.shape, own, generator).to(counts.dtype)
    learned = hidden
    if learn_from_kept > 0:
        picked = random_mask(counts.shape, learn_from_kept, generator).to(counts.dtype)
        learned = torch.maximum(hidden, picked)
        share_learned = mean + (1 - mean) * representable_share(learn_from_kept)
    else:
        share_learned = mean
    # scaled up, so that the encoder sees the same mean counts in training and in prediction
    return counts * (1 - hidden) / (1 - own), learned / share_learned


def mean_share(share: Share) -> float:
    """Return the share of the inputs that is hidden on average."""
    return sum(share) / 2 if isinstance(share, tuple) else share


def check_share(name: str, share: Share) -> None:
    """Refuse what is neither a share nor a lower and an upper one.

    Raises:
        ModelError: naming the argument and the rule.
    """
    if not isinstance(share, tuple):
        checks.share(name, share)
        return
    if len(share) != 2:
        raise ModelError(f"{name} is {share}: it must be a share, or a lower and an upper one.")
    for each in share:
        checks.share(name, each)
    if share[0] > share[1]:
        raise ModelError(f"{name} is {share}: the lower share comes first.")


def likelihood_weight(batch: Batch, input_weight: Tensor) -> Tensor:
    """The weight of every entry's log-likelihood, (trials, time, neurons).

    Held-in neurons in bins the encoder sees have `input_weight`; held-out neurons and forward bins,
    which it never sees, count whole.
    """
    weight = torch.ones_like(batch.targets)
    weight[:, :, batch.heldin] = torch.where(batch.observed[..., None], input_weight, 1.0)
    return weight
