"""Models so small that they fit in a second: a contract needs no good fit."""

from typing import Any

from undertow.models import Estimator
from undertow.training import Training

QUICK: dict[str, Any] = {
    "latent_dim": 4,
    "regimes": 2,
    "encoder__hidden_dim": 6,
    "encoder__width": 8,
    "decoder__width": 8,
    "decoder__heads": 2,
    "posterior__hidden_dim": 6,
    "samples": 2,
    "size": 2,
    "em__iterations": 2,
    "em__path_steps": 1,
    "em__restarts": 1,
    "em__kernel_steps": 1,
    "em__inference_steps": 4,
    "em__refit": 1,
    "training": Training(epochs=2, validate_every=1),
}
"""Given to whatever takes them, and to its members."""


def quick(cls: type[Estimator]) -> Estimator:
    model = cls()
    known = {name: name.removeprefix("member__") for name in model.get_params()}
    return model.set_params(**{name: QUICK[own] for name, own in known.items() if own in QUICK})
