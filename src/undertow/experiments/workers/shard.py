"""`Shard`: the part of a grid's fits that one of several processes does, as in a Slurm array."""

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from undertow.errors import UndertowError, UnfinishedError

MOST_SHARDS = 100_000
Fit = TypeVar("Fit")


class Result(Protocol):
    """What came of a fit."""

    @property
    def elsewhere(self) -> bool:
        """Whether it is another process's to do, and not there yet."""


class Shard:
    """Which fits are this process's own: about every n-th, whatever their model.

    It counts the fits of one grid after the other: made anew for each command, the same command
    with other shards deals every fit once.

    Args:
        index, count: the index-th of `count`, from 1.

    Raises:
        UndertowError: for a part that cannot be.
    """

    def __init__(self, index: int, count: int) -> None:
        if not 1 <= index <= count <= MOST_SHARDS:
            raise UndertowError(
                f"the shard is {index}/{count}: it must be K/N, the K-th of N parts, such as 2/8."
            )
        self.index, self.count, self._dealt = index, count, 0

    @classmethod
    def of(cls, shard: "str | Shard | None") -> "Shard | None":
        """The shard that a text such as '2/8' says.

        Raises:
            UndertowError: for any other text.
        """
        if not isinstance(shard, str):
            return shard
        found = re.fullmatch(r"\s*(\d{1,6})\s*/\s*(\d{1,6})\s*", shard)
        if found is None:
            raise UndertowError(
                f"the shard is {shard!r}: it must be K/N, the K-th of N parts, such as 2/8."
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def part(self, fits: Sequence[Fit]) -> list[Fit]:
        """This shard's part of the coming fits."""
        first, self._dealt = self._dealt, self._dealt + len(fits)
        return [fit for k, fit in enumerate(fits, first) if self._owner(k) == self.index - 1]

    def _owner(self, place: int) -> int:
        # a step further with every round: else models that come by turns would go to one shard each
        return (place + place // self.count) % self.count


def check_all_there(results: Sequence[Result], shard: Shard | None) -> None:
    """Refuse to go on where fits of other shards are missing.

    Raises:
        UnfinishedError: with their number.
    """
    left = sum(each.elsewhere for each in results)
    if shard is not None and left:
        fits = f"{left} fit{'s' * (left > 1)} of other shards {'are' if left > 1 else 'is'}"
        raise UnfinishedError(
            f"shard {shard} is done, and {fits} not there yet: the shard that ends last writes the "
            "results; where it was stopped, run the same once more.",
            left,
        )
