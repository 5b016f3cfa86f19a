"""An LFADS small enough to fit in a fraction of a second."""

from functools import cache
from typing import Any

from tests.models.small import GAPS
from undertow.models import LFADS
from undertow.training import Training

SMALL: dict[str, Any] = {
    "latent_dim": 5,
    "encoder__hidden_dim": 6,
    "generator__hidden_dim": 7,
    "controller__hidden_dim": 4,
    "inputs": 2,
    "initial__dim": 3,
    "samples": 4,
}


def small(epochs: int = 2, **settings: Any) -> LFADS:
    training = Training(epochs=epochs, batch_size=16, validate_every=1, learning_rate=1e-2)
    return LFADS(training=training).set_params(**{**SMALL, **settings})


@cache
def fitted() -> LFADS:
    """One fit on `GAPS` for all who only look."""
    return small().fit(GAPS)
