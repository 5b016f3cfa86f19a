"""`Target`: one kind of input, how a hostile one is made, and what a user would do with it."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Made:
    """One input.

    Attributes:
        path: the file or folder.
        changes: how it differs from a valid one.
        options: what goes with it: reading options, settings.
    """

    path: Path
    changes: list[str]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes:
        name: on the command line and in the table.
        make: (random numbers, empty folder) → an input in it, valid or not.
        use: what a user would call with it.
        share: of the inputs of a campaign, in proportion; small where one costs much.
        seeds: makes valid files that take long, once before the first input, in the folder given.
    """

    name: str
    make: Callable[[Rng, Path], Made]
    use: Callable[[Made], Any]
    share: float = 1.0
    seeds: Callable[[Path], None] | None = None


def rng_of(target: str, seed: int, number: int) -> Rng:
    """Random numbers of one input, which depend on nothing else."""
    return np.random.default_rng([seed, zlib.crc32(target.encode()), number])


def pick(rng: Rng, items: Any) -> Any:
    """One of several, whatever they are."""
    items = list(items)
    return items[int(rng.integers(len(items)))]


def chance(rng: Rng, share: float) -> bool:
    """True in this share of the cases."""
    return bool(rng.random() < share)


def few(rng: Rng, most: int) -> int:
    """How many changes: mostly one, since the first refusal hides what the others would do."""
    return 1 if chance(rng, 0.7) else int(rng.integers(1, most + 1))
