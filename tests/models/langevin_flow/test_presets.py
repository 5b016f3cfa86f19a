"""The two published presets: what each sets, where they differ, and that nothing else does."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.models.langevin_flow.published import READINGS, TRIALS, both, preset
from tests.models.small import GAPS, UNUSED
from undertow.errors import ModelError, StabilityError
from undertow.models import LangevinFlow, Variant
from undertow.models.langevin_flow.presets import PRESETS
from undertow.models.parameters import parameter_names
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(ModelError, match="there is no preset 'draft'"):
        LangevinFlow.preset("draft")


@both
def test_it_can_diverge_and_is_refused_by_radius_and_bins(name: str) -> None:
    model = preset(name, dynamics__allow_unstable=False)
    worst = {"paper": 2.0, "released": 2 * 4 * 3**0.5}[name]
    delta = READINGS[name].step
    matrix = [[1.0, delta], [0.45 * delta * worst, 0.45]]
    radius = float(np.abs(np.linalg.eigvals(np.array(matrix))).max())
    bins = math.log(1000) / math.log(radius)
    message = (
        f"can become unstable: its spectral radius is {radius:.4g} per bin, .* 1000-fold in "
        f"{bins:.0f} bins"
    )
    with pytest.raises(StabilityError, match=message):
        model.fit(TRIALS)
    assert not hasattr(model, "network_")


@both
def test_nothing_is_left_to_the_defaults(name: str) -> None:
    """A new default changes no preset."""
    assert set(PRESETS[name]) == set(parameter_names(LangevinFlow)) - {"seed", "device"}


@both
def test_changes_replace_settings_and_the_preset_stays(name: str) -> None:
    before = dict(PRESETS[name])
    assert LangevinFlow.preset(name).get_params(deep=False).items() >= before.items()
    assert LangevinFlow.preset(name, latent_dim=12, dynamics__gamma=0.7).dynamics.gamma == 0.7
    assert PRESETS[name] == before


@both
def test_fitted_it_predicts_and_comes_back_from_its_file(name: str, tmp_path: Path) -> None:
    training = replace(PRESETS[name]["training"], epochs=2, validate_every=1, batch_size=8)
    model = preset(name, training=training).fit(GAPS)
    prediction = model.predict(GAPS)
    assert np.isfinite(prediction.rates[GAPS.valid]).all()
    assert prediction.groups == {"z": 4, "v": 4}
    loaded = LangevinFlow.load(model.save(tmp_path / "m.safetensors"))
    assert loaded.get_params() == model.get_params()
    assert isinstance(loaded.variant, Variant)
    assert isinstance(loaded.training, Training)
    assert np.array_equal(loaded.predict(GAPS).rates, prediction.rates, equal_nan=True)


# --- where paper and code differ --------------------------------------------------------------
DIFFERENCES = {
    "step size": ("dynamics__hamiltonian_step",),
    "heads, feed-forward, norm, initialisation": (
        "decoder__heads",
        "decoder__feedforward",
        "decoder__norm",
        "decoder__initial_scale",
    ),
    "kernel": ("dynamics__potential", "dynamics__taps"),
    "what the GRU sees": ("encoder__reads",),
    "dropout in the recurrence": ("encoder__recurrent_dropout",),
    "divergence of each step": ("posterior__path_prior",),
    "scale of the loss": ("variant__likelihood",),
    "coordinated dropout": ("variant__learn_from_kept",),
    "average of samples": ("variant__average",),
}
"""Every difference there is, and the options that hold it."""


def setting(name: str, option: str) -> Any:
    return LangevinFlow.preset(name).get_params()[option]


@pytest.mark.parametrize("options", DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_the_presets_differ_wherever_paper_and_code_do(options: tuple[str, ...]) -> None:
    for option in options:
        assert setting("paper", option) != setting("released", option), option


def test_the_presets_differ_nowhere_else() -> None:
    named = {option for options in DIFFERENCES.values() for option in options}
    pieces = {option.partition("__")[0] for option in named}
    options = set(LangevinFlow.preset("paper").get_params()) - pieces
    assert {o for o in options if setting("paper", o) != setting("released", o)} == named


SHARED = {
    "latent_dim": 280,
    "encoder__hidden_dim": 280,
    "dynamics__gamma": 0.55,
    "dynamics__timescale_s": "bin",
    "dynamics__scheme": "euler",
    "posterior__initial_s": "first",
}


def test_both_keep_what_they_share() -> None:
    """What the released code gives for the 20 ms sets; the last weights, as the best are loaded
    there and not used."""
    for name in PRESETS:
        training = setting(name, "training")
        assert (training.epochs, training.batch_size, training.learning_rate) == (2000, 256, 3e-3)
        assert (training.schedule, training.keep, training.average_decay) == (
            "plateau",
            "last",
            0.0,
        )
        assert (training.weight_decay, training.weight_decay_warmup_epochs) == (2e-5, 500)
        assert setting(name, "kl__rise") * training.epochs == 500
        shared = {option: setting(name, option) for option in SHARED}
        assert shared == SHARED
