"""`JointBatch`: the trials of several sessions, of each its own batch, learned from together."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from undertow.data.batches import Batch
from undertow.data.lazy_batch import LazyBatch


@dataclass(frozen=True)
class JointBatch:
    """Trials of several sessions on one device.

    Attributes:
        parts: session → its trials.
    """

    parts: Mapping[str, Batch | LazyBatch]

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    @property
    def device(self) -> torch.device:
        """Where the trials are."""
        return next(iter(self.parts.values())).device

    def cut(self, parts: int) -> "list[JointBatch]":
        """Parts of this minibatch, each with its share of all sessions; itself for one."""
        if parts == 1:
            return [self]
        cuts = dict[str, list[Batch]]()
        for name, part in self.parts.items():
            assert isinstance(part, Batch), "minibatches are read"
            cuts[name] = part.cut(parts)
        return [
            JointBatch({name: each[k] for name, each in cuts.items() if len(each[k])})
            for k in range(parts)
        ]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator["JointBatch"]:
        """Minibatches of about `size` trials in random order, each with its share of all sessions.

        A session of fewer trials than there are minibatches is left out of some.
        """
        count = max(1, -(-len(self) // size))
        each = {
            name: torch.randperm(len(part), generator=generator).to(self.device).tensor_split(count)
            for name, part in self.parts.items()
        }
        for k in range(count):
            rows = {name: index[k] for name, index in each.items() if len(index[k])}
            if rows:
                yield JointBatch({name: self.parts[name].take(own) for name, own in rows.items()})
