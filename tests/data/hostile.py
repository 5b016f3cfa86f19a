"""Hostile values, by seed: what a user might pass by mistake where data are expected."""

from collections.abc import Callable
from typing import Any

import numpy as np

EXABYTES = np.broadcast_to(np.float32(1), (10**6, 10**6, 10**6))
"""An array that declares more than any machine holds."""


class Odd:
    """Stands for nothing that data are made of."""


def _ragged(rng: np.random.Generator) -> Any:
    return [[1.0], [1.0, 2.0], "x"]


VALUES: list[Callable[[np.random.Generator], Any]] = [
    lambda rng: None,
    lambda rng: "text",
    lambda rng: b"\xff\x00",
    lambda rng: Odd(),
    lambda rng: float("nan"),
    lambda rng: -1,
    lambda rng: 10**30,
    lambda rng: [10**400, 1],
    lambda rng: 1e308,
    lambda rng: -np.inf,
    lambda rng: True,
    lambda rng: 2**63,
    lambda rng: {"a": 1},
    lambda rng: {1, 2},
    lambda rng: [],
    lambda rng: (),
    lambda rng: [None, None],
    lambda rng: [Odd()] * 3,
    lambda rng: range(5),
    lambda rng: (k for k in range(3)),
    lambda rng: np.array(5.0),
    lambda rng: EXABYTES,
    lambda rng: EXABYTES[0],
    lambda rng: EXABYTES[0, 0],
    lambda rng: np.datetime64("2026-01-01"),
    lambda rng: np.array(["2026-01-01", "NaT"], "M8[s]"),
    lambda rng: np.array([1, 2], "m8[s]"),
    lambda rng: np.zeros(3, [("a", int), ("b", float)]),
    lambda rng: np.array(["a", "b", ""]),
    lambda rng: np.array([b"a", b"\xff"]),
    lambda rng: np.array([None, "a", np.nan], object),
    lambda rng: np.array([2**63, 2**64 - 1], np.uint64),
    lambda rng: np.ma.masked_array([1.0, 2.0], [True, False]),
    lambda rng: np.array([np.nan, np.nan]),
    lambda rng: np.array([1e300, -1e300]),
    lambda rng: np.array([True, False, True]),
    lambda rng: rng.normal(size=rng.integers(0, 4, rng.integers(0, 5))) * 1j,
    lambda rng: rng.normal(size=rng.integers(0, 4, rng.integers(0, 5))),
    lambda rng: rng.integers(-3, 9, rng.integers(0, 4, rng.integers(0, 5))),
    lambda rng: rng.integers(0, 2, rng.integers(1, 4, 3)).astype(bool),
    lambda rng: rng.choice([1.0, 0.0, np.nan, np.inf, 1e39, -1e39], rng.integers(1, 4, 3)),
    lambda rng: slice(None, None, 2),
    lambda rng: slice("a", 3),
    lambda rng: Ellipsis,
    lambda rng: [1.5, 2.5],
    lambda rng: [[0, 1], [1, 2]],
    lambda rng: "region==M1",
    lambda rng: "x" * 5000,
    lambda rng: "$a_1$\x1b[31m",
    _ragged,
]


def hostile(rng: np.random.Generator) -> Any:
    """A value from the list, alone or one after another in a list."""
    value = VALUES[rng.integers(len(VALUES))](rng)
    if rng.random() < 0.15:
        return [value, VALUES[rng.integers(len(VALUES))](rng)]
    if rng.random() < 0.05:
        return {"a": value}
    return value
