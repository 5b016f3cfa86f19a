"""`Given`: what the paths of some trials are inferred from, in float64."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.encoders.stimulus import filled


@dataclass(frozen=True)
class Given:
    """Counts, where they may be seen, and what drives the dynamics.

    Attributes:
        counts: of all neurons, zero where not seen, (trials, bins, neurons).
        seen: 1 where a count may be seen, else 0, shaped like `counts`.
        inside: bins inside each trial, (trials, bins).
        inputs: u, (trials, bins, inputs); None where nothing drives the dynamics.
    """

    counts: Tensor
    seen: Tensor
    inside: Tensor
    inputs: Tensor | None

    @classmethod
    def of(cls, batch: Batch, everything: bool = False, duration_s: float | None = None) -> "Given":
        """Read a batch.

        With `everything`, held-out neurons and forward bins are seen too: so a model learns. Else
        held-in neurons in the bins before the forward bins. With a `duration_s` the time since the
        window's start, as a share of it, is one more input.
        """
        seen = ~batch.targets.isnan() & batch.inside[..., None]
        if not everything:
            shown = torch.zeros(batch.targets.shape[2], dtype=torch.bool, device=seen.device)
            shown[batch.heldin] = True
            seen = seen & shown & batch.observed[..., None]
        counts = batch.targets.masked_fill(~seen, 0.0).double()
        return cls(counts, seen.double(), batch.inside, _inputs(batch, duration_s))

    def take(self, rows: slice) -> "Given":
        """Some of the trials."""
        return self._each(lambda part: part[rows])

    def first(self, bins: int) -> "Given":
        """The first bins alone."""
        return self._each(lambda part: part[:, :bins])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Given":
        inputs = None if self.inputs is None else change(self.inputs)
        return Given(change(self.counts), change(self.seen), change(self.inside), inputs)

    def __len__(self) -> int:
        return len(self.counts)


def _inputs(batch: Batch, duration_s: float | None) -> Tensor | None:
    """Stimulus, and time where it is asked for, (trials, bins, inputs)."""
    found = [] if batch.stimulus is None else [filled(batch.stimulus).double()]
    if duration_s is not None:
        share = (batch.time_s.double() / duration_s)[None, :, None]
        found.append(share.expand(len(batch), -1, 1))
    return torch.cat(found, -1) if found else None
