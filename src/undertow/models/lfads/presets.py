"""Settings of LFADS as released with the paper, where they differ from the defaults."""

from typing import Any

from undertow.inference import KLSchedule
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition
from undertow.models.pieces import Counts, GRUEncoding
from undertow.names import find
from undertow.training import Training

# The defaults that its run manager documents. Written for bins of 2 ms: the inputs' autocorrelation
# time of 10 bins is 0.02 s. Their prior's noise variance is 0.1, so that its own is 0.1 / (1 − α²).
RELEASED: dict[str, Any] = {
    "latent_dim": 50,
    "inputs": 4,
    "encoder": GRUEncoding(hidden_dim=128),
    "generator": GRUGenerator(hidden_dim=100, l2_penalty=500.0),
    "controller": GRUController(
        hidden_dim=128, correlation_s=0.02, prior_std=0.74, l2_penalty=500.0
    ),
    "initial": InitialCondition(dim=64),
    "observation": Counts(rate_floor_hz=0.0),
    "kl": KLSchedule("linear", 1.0, rise=0.25),
    "dropout": 0.05,
    "coordinated_dropout": 0.0,
    "samples": 512,
    "training": Training(
        epochs=1000,
        batch_size=256,
        learning_rate=0.01,
        schedule="plateau",
        weight_decay=0.0,
        clip_norm=200.0,
        average_decay=0.0,
    ),
}
PRESETS: dict[str, dict[str, Any]] = {"default": {}, "released": RELEASED}


def preset_settings(name: str) -> dict[str, Any]:
    """Return the constructor arguments of a preset.

    Raises:
        ModelError: for a name that is none of them.
    """
    return dict(find("preset", name, PRESETS))
