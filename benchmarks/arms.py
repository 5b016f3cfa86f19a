"""Arms of the study of LangevinFlow's parts: what is changed in each, and arms that see fewer
training trials."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np

from undertow import LangevinFlow, Smoothing, TrialSet
from undertow.data import join_trials, split_validation
from undertow.models.base import Estimator

PUBLISHED_STRUCTURE = {
    "dynamics__potential": "coupled-oscillators",
    "dynamics__timescale_s": 0.02,
    "dynamics__temperature": 3.0,
    "posterior": "autonomous",
    "decoder__inputs": ("z", "v", "h"),
    "decoder__read": "together",
    "decoder__withhold_h": 0.0,
    "encoder__bidirectional": False,
    "kl__peak": 0.1,
}
"""Latents driven by the initial state alone, h beside them in one decoder; with the pool and the
floor on rates, which all arms share."""

PHYSICS, NOTHING, SMOOTHING = "full", "no-latents", "smoothing"
FIRST_TWO = (PHYSICS, NOTHING)
ARMS: Mapping[str, Mapping[str, Any]] = {
    PHYSICS: {},
    NOTHING: {"dynamics": None},
    "first-order": {"dynamics__order": 1},
    "input-potential": {"dynamics__potential": "input-driven"},
    "context-potential": {"dynamics__potential": "context"},
    "published-structure": PUBLISHED_STRUCTURE,
    SMOOTHING: {},
}


class Few:
    """A model that is given some of the training trials alone, the same for all arms."""

    limit: ClassVar[int]

    def fit(self, trials: TrialSet, validation: TrialSet, **options: Any) -> Self:
        """Fit on `limit` trials, validation trials among them."""
        everyone = join_trials(trials, validation)
        order = np.random.default_rng(0).permutation(len(everyone))[: self.limit]
        parts = split_validation(everyone[np.sort(order)], seed=0)
        return super().fit(*parts, **options)  # type: ignore[misc, no-any-return]


class LangevinFlow25(Few, LangevinFlow):
    """On 25 trials."""

    cli_name, limit = "langevin-flow-25", 25


class LangevinFlow50(Few, LangevinFlow):
    """On 50 trials."""

    cli_name, limit = "langevin-flow-50", 50


class LangevinFlow100(Few, LangevinFlow):
    """On 100 trials."""

    cli_name, limit = "langevin-flow-100", 100


class Smoothing25(Few, Smoothing):
    """On 25 trials."""

    cli_name, limit = "smoothing-25", 25


class Smoothing50(Few, Smoothing):
    """On 50 trials."""

    cli_name, limit = "smoothing-50", 50


class Smoothing100(Few, Smoothing):
    """On 100 trials."""

    cli_name, limit = "smoothing-100", 100


FLOWS = {25: LangevinFlow25, 50: LangevinFlow50, 100: LangevinFlow100}
SMOOTHED = {25: Smoothing25, 50: Smoothing50, 100: Smoothing100}
FEW = {n: tuple(f"{arm}-{n}" for arm in (*FIRST_TWO, SMOOTHING)) for n in FLOWS}
"""Number of training trials → arms."""


def make(arm: str) -> Estimator:
    """The unfitted model of an arm."""
    name, _, number = arm.rpartition("-")
    few = number.isdigit()
    kind = name if few else arm
    if kind == SMOOTHING:
        return SMOOTHED[int(number)]() if few else Smoothing()
    model: LangevinFlow = FLOWS[int(number)]() if few else LangevinFlow()
    return model.set_params(**ARMS[kind])
