"""LangevinFlow as published: what differs from the defaults, in the paper's reading and in its
released code's."""

from typing import Any

from undertow.errors import ModelError
from undertow.models.langevin_flow.variant import Variant
from undertow.training import Training

# In both: the initial state from the first bin, h beside the latents in the decoder, no weight
# averaging.
PUBLISHED: dict[str, Any] = {
    "latents": True,
    "latent_dim": 280,
    "order": 2,
    "encoder": "gru",
    "hidden_dim": 280,
    "bidirectional": False,
    "initial": "first",
    "posterior": "autonomous",
    "groups": 4,
    "timescale_s": "bin",
    "mass": 1.0,
    "gamma": 0.55,
    "temperature": 1.0,
    "learn": (),
    "decoder": "transformer",
    "decoder_inputs": ("z", "v", "h"),
    "withhold_h": 0.0,
    "rate_floor_hz": 0.0,
    "decoder_width": 840,
    "causal": False,
    "dropout": 0.05,
    "coordinated_dropout": 0.5,  # the given 0.5, kept or hidden; other sets keep 0.3, 0.4, 0.6
    "kl_weight": 0.1,
    "kl_warmup": 0.25,  # 500 of 2000 epochs
    "samples": 50,
}
SCHEDULE: dict[str, Any] = {
    "epochs": 2000,
    "batch_size": 256,
    "learning_rate": 3e-3,
    "schedule": "plateau",
    "weight_decay": 2e-5,
    "weight_decay_warmup_epochs": 500,
    "average_decay": 0.0,
    "keep": "last",
}
PRESETS: dict[str, dict[str, Any]] = {
    # Algorithm 1, eqs 2, 7, 8 and 17, "Implementation Details"; what it leaves open, such as
    # epochs, as released.
    "paper": {
        **PUBLISHED,
        "potential": "free-oscillators",
        "taps": 7,
        "path_prior": "standard-normal",
        "heads": 4,
        "training": Training(**SCHEDULE),
        "variant": Variant(scheme="euler"),
    },
    "released": {
        **PUBLISHED,
        "potential": "mixed-oscillators",
        "taps": 3,
        "path_prior": "released",
        "heads": 2,
        "training": Training(**SCHEDULE),
        "variant": Variant(
            scheme="euler",
            hamiltonian_step=0.01,
            gru_reads="held",
            recurrent_dropout=0.05,
            feedforward=512,
            norm="post",
            initial_scale=0.67,
            likelihood="mean",
            learn_from_kept=0.1,
            average="log-rates",
        ),
    },
}


def preset_settings(name: str) -> dict[str, Any]:
    """Constructor arguments of a preset.

    Raises:
        ModelError: for a name that is none of them.
    """
    if name not in PRESETS:
        raise ModelError(f"there is no preset {name!r}: choose one of {', '.join(PRESETS)}.")
    return dict(PRESETS[name])
