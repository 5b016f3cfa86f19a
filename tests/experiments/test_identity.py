"""The fingerprint: labels, stimulus, behaviour and irregular times are part of what data are."""

from typing import Any

import numpy as np

from undertow.data import TrialSet
from undertow.experiments.identity import fingerprint

RNG = np.random.default_rng(0)
SHAPE = (6, 5, 3)
TIMES = np.cumsum(RNG.uniform(0.01, 0.05, SHAPE[:2]), axis=1)
HELD: dict[str, Any] = {
    "stimulus": RNG.normal(size=SHAPE),
    "behavior": RNG.normal(size=SHAPE),
    "labels": {"choice": ["left", "right", "left"] * 2, "reward": [0, 1, 1] * 2},
    "times": TIMES,
}
OTHER: list[dict[str, Any]] = [
    {"stimulus": HELD["stimulus"] + 1},
    {"behavior": HELD["behavior"] + 1},
    {"labels": {**HELD["labels"], "choice": ["left", "right", "right"] * 2}},
    {"labels": {**HELD["labels"], "choice": ["wheel", "right", "wheel"] * 2}},
    {"labels": {"side": HELD["labels"]["choice"], "reward": HELD["labels"]["reward"]}},
    {"times": TIMES + 1e-3},
    {"start_s": -0.1},
    *({name: None} for name in HELD),
]


def make(**changes: Any) -> TrialSet:
    spikes = np.random.default_rng(1).poisson(1.0, SHAPE) + 1
    return TrialSet(spikes, 0.02, **{**HELD, **changes})


def test_equal_data_have_equal_fingerprints() -> None:
    assert fingerprint(make()) == fingerprint(make())
    turned = dict(reversed(HELD["labels"].items()))
    assert fingerprint(make(labels=turned)) == fingerprint(make())


def test_anything_a_model_may_read_changes_it() -> None:
    known = {fingerprint(make())}
    for changes in OTHER:
        known.add(fingerprint(make(**changes)))
    assert len(known) == 1 + len(OTHER)


def test_the_clock_of_a_regular_set_is_no_part_of_it() -> None:
    assert fingerprint(make(times=None)) == fingerprint(make(times=None, start_s=-0.1))
