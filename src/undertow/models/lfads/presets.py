"""Settings of LFADS as released with the paper, where they differ from the defaults."""

from typing import Any

from undertow.inference import KLSchedule
from undertow.models.encoding import GRUEncoding
from undertow.models.lfads.options import GRUController, GRUGenerator, InitialCondition
from undertow.models.pieces import Counts
from undertow.models.search_space import Choices, Range, SearchSpace
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
    "initial": InitialCondition(dim=64, kl_weight=1.0),
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
SPACE: SearchSpace = {
    "training__learning_rate": Range(1e-3, 2e-2, "log"),
    "training__weight_decay": Range(1e-4, 0.1, "log"),
    "dropout": Range(0.0, 0.6),
    "coordinated_dropout": Choices(((0.0, 0.4), (0.0, 0.6), (0.0, 0.8), (0.2, 0.8))),
    "kl__peak": Range(0.01, 2.0, "log"),
    "initial__kl_weight": Range(0.1, 10.0, "log"),
    "controller__kl_weight": Range(0.1, 10.0, "log"),
    "generator__l2_penalty": Range(1e-2, 1e4, "log"),
    "controller__l2_penalty": Range(1e-2, 1e4, "log"),
    "inputs": Choices((0, 1, 2, 4)),
}
"""What a search varies: what AutoLFADS does, and the number of inputs."""
ADJUSTABLE = frozenset(
    {
        "dropout",
        "coordinated_dropout",
        "kl__peak",
        "initial__kl_weight",
        "controller__kl_weight",
        "generator__l2_penalty",
        "controller__l2_penalty",
    }
)
"""Settings that the network's shape does not depend on, beside those of the training loop."""
PRESETS: dict[str, dict[str, Any]] = {"default": {}, "released": RELEASED}


def preset_settings(name: str) -> dict[str, Any]:
    """Return the constructor arguments of a preset.

    Raises:
        ModelError: for a name that is none of them.
    """
    return dict(find("preset", name, PRESETS))
