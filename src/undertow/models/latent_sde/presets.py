"""Settings of the latent SDE as published, where they differ from the defaults, and its recipes.

One preset follows the paper (ElGazzar & van Gerven), the other the code released with it.
"""

from dataclasses import replace
from typing import Any

from undertow.dynamics import CoupledOscillators
from undertow.inference import KLSchedule
from undertow.models.latent_sde.options import PathPosterior, Signals, Solver
from undertow.models.lstm_encoding import LSTMEncoding
from undertow.models.pieces import Counts, RegionalDecoding
from undertow.models.search_space import Choices, Range, SearchSpace
from undertow.names import find
from undertow.randomness import isolated_seed
from undertow.training import Training

TRAINING = Training(steps=1000, learning_rate=5e-3, dynamics_rate=5.0, validate_every=None)
RECIPES: dict[str, dict[str, Any]] = {"default": {}, "free": {"training_path": "free"}}
"""What `preset("auto")` races: which kind of training infers better, recordings decide."""
SPACE: SearchSpace = {
    "training__learning_rate": Range(1e-3, 2e-2, "log"),
    "training__dynamics_rate": Range(1.0, 10.0, "log"),
    "training__weight_decay": Range(1e-4, 0.1, "log"),
    "dropout": Range(0.0, 0.6),
    "kl__peak": Range(0.1, 4.0, "log"),
    "latent_dim": Choices((4, 8, 16, 32)),
    "encoder__hidden_dim": Choices((32, 64, 128)),
    "training_path": Choices(("simulated", "free")),
}
"""What a search varies; `latent_dim` matters where the dynamics are given by name."""
ADJUSTABLE = frozenset({"dropout", "kl__peak", "posterior__sleep"})
"""Settings that the network's shape does not depend on, beside those of the training loop."""
STATE_DIM, HIDDEN = 16, 64
"""Eight oscillators, the fewest of supplement 2; units of the networks of supplement 3."""


def _oscillators(**settings: Any) -> CoupledOscillators:
    """Eqs 8–9 with the stable sign of the cubic term, stepped by Euler–Maruyama."""
    with isolated_seed(0):  # a fit draws the weights anew
        return CoupledOscillators(STATE_DIM, integrator="euler", drive=True, **settings)


_TRAINING = Training(
    epochs=2000,
    batch_size=128,
    learning_rate=1e-3,
    schedule="constant",
    warmup_epochs=0,
    weight_decay=0.0,  # AdamW is Adam then
    clip_norm=1e12,  # not clipped
    average_decay=0.0,
    validate_every=1,
    patience=20,
    monitor="likelihood",
)
# Table 2 and supplements 2–3. What they leave open: the context is read forwards (only the
# initialisation network is said to read in reverse), the coupling's network is as wide as the
# others, and the dropout, the order of time and the units of it are as released.
PAPER: dict[str, Any] = {
    "dynamics": _oscillators(coupling="scalar", coupling_network=HIDDEN),
    "latent_dim": STATE_DIM,
    "regions": None,
    "encoder": LSTMEncoding(hidden_dim=HIDDEN, context="forward", missing="bins"),
    "decoder": RegionalDecoding(width=128),
    "observation": Counts(kind="poisson", link="exp", rate_floor_hz=0.0),
    "posterior": PathPosterior(
        kind="drift",
        initial_s=0.05,  # at test time; 0.1 for the delayed reach
        initial_share=0.3,
        initial_variance="softplus",
        hidden_dim=HIDDEN,
    ),
    "training_path": "simulated",
    "signals": Signals(time=True, solve_readouts=False),
    "solver": Solver(bins_per_step=2.0, interpolation="linear"),
    "kl": KLSchedule("cyclic", peak=10.0, cycles=4, rise=0.5),
    "dropout": 0.0,
    "samples": 30,
    "training": _TRAINING,
}
PRESETS: dict[str, dict[str, Any]] = {
    "paper": PAPER,
    "released": {
        **PAPER,
        "dynamics": _oscillators(coupling="none", form="bistable"),
        "posterior": replace(PAPER["posterior"], bounded=True),
        "kl": replace(PAPER["kl"], peak=1.0),
    },
}
OWN: dict[str, dict[str, Any]] = {
    "default": {},
    "auto": {"training": replace(TRAINING, recipes=tuple(RECIPES))},
}


def preset_settings(name: str) -> dict[str, Any]:
    """Return the constructor arguments of a preset.

    Raises:
        ModelError: for a name that is none of them.
    """
    return dict(find("preset", name, {**OWN, **PRESETS}))
