"""Settings of LangevinFlow as published, where they differ from the defaults.

One preset follows the paper, the other the code released with it.
"""

from dataclasses import replace
from typing import Any

from undertow.inference import KLSchedule
from undertow.models.encoding import GRUEncoding
from undertow.models.langevin_flow.options import Langevin, LangevinPosterior, Variant
from undertow.models.pieces import Counts, TransformerDecoding
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.names import find
from undertow.training import Training

_DYNAMICS = Langevin(
    potential="free-oscillators",
    groups=4,
    taps=7,
    mass=1.0,
    gamma=0.55,
    temperature=1.0,
    timescale_s="bin",
    learn=(),
    scheme="euler",
)
_ENCODER = GRUEncoding(hidden_dim=280, bidirectional=False)
_DECODER = TransformerDecoding(width=840, heads=4, read="together", withhold_h=0.0)
_POSTERIOR = LangevinPosterior(
    kind="autonomous", initial_s="first", path_prior="standard-normal", stimulus=False
)
# In both: the initial state from the first bin, h beside the latents in the decoder, no weight
# averaging. Algorithm 1, eqs 2, 7, 8 and 17, "Implementation Details"; what the paper leaves open,
# such as epochs, as released.
PAPER: dict[str, Any] = {
    "latent_dim": 280,
    "dynamics": _DYNAMICS,
    "encoder": _ENCODER,
    "decoder": _DECODER,
    "observation": Counts(rate_floor_hz=0.0),
    "posterior": _POSTERIOR,
    "kl": KLSchedule("linear", peak=0.1, rise=0.25),  # 500 of 2000 epochs
    "dropout": 0.05,
    "coordinated_dropout": 0.5,  # the given 0.5, kept or hidden; other sets keep 0.3, 0.4, 0.6
    "causal": False,
    "samples": 50,
    "training": Training(
        epochs=2000,
        batch_size=256,
        learning_rate=3e-3,
        schedule="plateau",
        weight_decay=2e-5,
        weight_decay_warmup_epochs=500,
        average_decay=0.0,
        keep="last",
    ),
    "variant": Variant(),
    "pool": None,
}
PRESETS: dict[str, dict[str, Any]] = {
    "paper": PAPER,
    "released": {
        **PAPER,
        "dynamics": replace(
            _DYNAMICS, potential="mixed-oscillators", taps=3, hamiltonian_step=0.01
        ),
        "encoder": replace(_ENCODER, reads="held", recurrent_dropout=0.05),
        "decoder": replace(_DECODER, heads=2, feedforward=512, norm="post", initial_scale=0.67),
        "posterior": replace(_POSTERIOR, path_prior="released"),
        "variant": Variant(likelihood="mean", learn_from_kept=0.1, average="log-rates"),
    },
}

RECIPES: dict[str, dict[str, Any]] = {
    "default": {},
    "light": {"dropout": 0.05, "kl__peak": 0.02},
    "heavy": {"dropout": 0.35},
    "first-order": {"dynamics__order": 1},
    "tilted": {"dynamics__potential": "input-driven"},
    "no-latents": {"dynamics": None},
}
"""What `preset("auto")` races: regularisation, order, potential, latents or none."""
SPACE: SearchSpace = {
    "training__learning_rate": Range(1e-3, 1e-2, "log"),
    "training__weight_decay": Range(1e-4, 0.1, "log"),
    "dropout": Range(0.02, 0.5),
    "coordinated_dropout": Choices(((0.0, 0.4), (0.0, 0.6), (0.0, 0.8), (0.2, 0.8))),
    "kl__peak": Range(0.005, 0.5, "log"),
    "latent_dim": Choices((16, 32, 64, 128)),
    "encoder__hidden_dim": Choices((32, 64, 128)),
}
"""What a search varies: regularisation, step size, widths."""
ADJUSTABLE = frozenset(
    {
        "dropout",
        "coordinated_dropout",
        "kl__peak",
        "encoder__recurrent_dropout",
        "decoder__withhold_h",
        "variant__learn_from_kept",
    }
)
"""Settings that the network's shape does not depend on, beside those of the training loop."""
BEFORE: dict[str, Any] = {
    "pool": None,
    "decoder__read": "together",
    "posterior__stimulus": False,
}
"""What settings were, in effect, before files held them."""
ACAUSAL: dict[str, Any] = {
    "causal": False,
    "encoder__bidirectional": True,
    "posterior__initial_s": "all",
}
"""Settings under which rates depend on the whole trial."""
OWN: dict[str, dict[str, Any]] = {
    "default": {},
    "auto": {"training": Training(refit=True, recipes=tuple(RECIPES))},
    "causal": {
        "causal": True,
        "encoder": GRUEncoding(hidden_dim=128, bidirectional=False),
        "posterior": LangevinPosterior(initial_s="first"),
    },
}


def preset_settings(name: str) -> dict[str, Any]:
    """Return the constructor arguments of a preset.

    Raises:
        ModelError: for a name that is none of them.
    """
    return dict(find("preset", name, {**OWN, **PRESETS}))
