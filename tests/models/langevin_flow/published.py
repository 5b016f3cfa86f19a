"""The published models at a size that tests fit, and the shares of dropout of both readings."""

from typing import Any

import pytest

from tests.models.langevin_flow.published_reference import Reading
from tests.models.small import trials_with_gaps
from undertow.models import LangevinFlow

SIZE = {
    "latent_dim": 16,
    "encoder__hidden_dim": 8,
    "decoder__width": 24,
    "samples": 3,
    "dropout": 0.25,
    "device": "cpu",
}
TRIALS = trials_with_gaps(n_trials=5)
READINGS = {
    "paper": Reading(False, 4, 1.0, 0.25, 0.0, 0.5, 0.0),
    "released": Reading(True, 2, 0.01, 0.25, 0.05, 0.5, 0.1),
}
both = pytest.mark.parametrize("name", READINGS)


def preset(name: str, **changes: Any) -> LangevinFlow:
    return LangevinFlow.preset(name, **{**SIZE, "dynamics__allow_unstable": True, **changes})
