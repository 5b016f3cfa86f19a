"""What the encoder of a `LatentSDENetwork` reads beside counts: behaviour, and times."""

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.observations import BehaviorObservation
from undertow.randomness import random_mask

Shown = tuple[Tensor | None, Tensor | None]
"""Trials (trials,) whose behaviour, and neurons (trials, held-in) that an encoder may see."""
BEHAVIOR_HIDDEN = 0.5
"""Share of the training trials whose behaviour the encoder does not see."""


def trials_shown(trials: int, generator: torch.Generator) -> Tensor:
    """Draw the training trials in which the encoder sees behaviour, (trials,).

    They are shown or hidden whole, so that the encoder also learns to work from spikes alone.
    """
    return random_mask(torch.Size((trials,)), 1 - BEHAVIOR_HIDDEN, generator)


def encoded_behavior(
    observation: BehaviorObservation, batch: Batch, shown: Tensor | None
) -> Tensor:
    """Return behaviour as the encoder reads it, with channels that say where it is known.

    `shown` (trials,) says in which trials it is seen; None for none.
    """
    # NaN is what a missing value is to the encoder: hidden and missing behaviour look alike
    hidden = batch.inputs.new_full((*batch.inputs.shape[:2], observation.n_channels), torch.nan)
    if shown is not None and batch.behavior is not None:
        seen = batch.observed & shown[:, None]
        hidden = torch.where(seen[..., None], batch.behavior, hidden)
    return observation.encoded(hidden)


def intervals(batch: Batch, bin_s: float) -> Tensor:
    """Return the time since the observation before, in bins, (trials, time, 1)."""
    gaps = batch.times_s.diff(dim=1, prepend=batch.times_s[:, :1]) / bin_s
    return gaps[..., None].expand(len(batch), -1, -1)
