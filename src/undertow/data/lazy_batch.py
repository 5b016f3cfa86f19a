"""`LazyBatch`: trials that become tensors one minibatch at a time."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.data.large import LazyCounts
from undertow.data.splits import stratified_rows
from undertow.data.trialset import TrialSet

MOST_AT_ONCE = 2**27
"""Bytes of counts that are held at once for what cannot be done by minibatches."""


@dataclass(frozen=True, eq=False)
class LazyBatch:
    """Trials whose counts are read when a minibatch of them is asked for.

    Attributes:
        trials: all of them.
        read: turns some of them into a batch.
        device: where that lies.
    """

    trials: TrialSet
    read: Callable[[TrialSet], Batch]
    device: torch.device

    def __len__(self) -> int:
        return len(self.trials)

    def take(self, index: Tensor) -> Batch:
        """A batch of some of the trials."""
        return self.read(self.trials[index.cpu().numpy()])

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[Batch]:
        """Minibatches of at most `size` trials in random order, those of `Batch.shuffled`.

        Each is read while the one before it is learned from.
        """
        order = torch.randperm(len(self), generator=generator)
        parts = order.tensor_split(max(1, -(-len(self) // size)))
        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(self.take, parts[0])
            for index in parts[1:]:
                now, ahead = ahead.result(), reader.submit(self.take, index)
                yield now
            yield ahead.result()


def few(trials: TrialSet) -> TrialSet:
    """Trials for what takes all at once: themselves, or of those that are not held as an array as
    many as 128 MiB hold, drawn evenly from the conditions."""
    if not isinstance(trials.spikes, LazyCounts):
        return trials
    most = max(1, int(MOST_AT_ONCE // (trials.spikes.nbytes / len(trials))))
    chosen = trials if most >= len(trials) else trials[stratified_rows(trials, most, seed=0)]
    return chosen.replace(spikes=np.asarray(chosen.spikes))
