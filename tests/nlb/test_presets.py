"""Presets for the benchmark's sets: the values as published, and models that take them."""

from typing import Any

import numpy as np
import pytest

from undertow.data import TrialSet
from undertow.errors import DataError, ModelError, StabilityError
from undertow.models import LangevinFlow, Population, model_class
from undertow.nlb import NLB_SETS, nlb_preset
from undertow.randomness import isolated_seed

PRESETS = [
    ("langevin-flow", "default"),
    ("langevin-flow", "paper"),
    ("langevin-flow", "released"),
    ("smoothing", "default"),
    ("smoothing", "reference"),
    ("latent-sde", "default"),
]


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize(("model", "preset"), PRESETS)
@pytest.mark.parametrize("set_name", NLB_SETS)
def test_every_preset_makes_a_model(set_name: str, model: str, preset: str, bin_ms: int) -> None:
    settings = nlb_preset(set_name, bin_ms, model, preset)
    made = model_class(model)(**settings)
    assert made.cli_name == model
    assert {"seed", "device"}.isdisjoint(settings)
    assert settings.items() <= made.get_params(deep=False).items()


def test_the_reference_smoothing() -> None:
    assert nlb_preset("mc_maze", 5, "smoothing", "reference") == {
        "width_s": 0.05,
        "penalty": 0.01,
        "floor_hz": pytest.approx(0.02),
    }
    assert nlb_preset("dmfc_rsg", 20, "smoothing", "reference") == {
        "width_s": 0.06,
        "penalty": 0.001,
        "floor_hz": pytest.approx(0.005),
    }


def test_the_released_settings() -> None:
    for name, batch, epochs, hidden, gamma, rate in (
        ("mc_maze", 256, 2000, 0.5, 0.55, 3e-3),
        ("mc_rtt", 64, 6000, 0.7, 0.55, 3e-3),
        ("area2_bump", 32, 2000, 0.6, 0.55, 3e-3),
        ("dmfc_rsg", 64, 1000, 0.4, 0.7, 1e-3),
        ("mc_maze_small", 256, 2000, 0.5, 0.55, 3e-3),
    ):
        made = LangevinFlow(**nlb_preset(name, 20, "langevin-flow", "released"))
        loop = made.training
        assert (loop.batch_size, loop.epochs, loop.learning_rate) == (batch, epochs, rate)
        assert made.coordinated_dropout == pytest.approx(hidden)
        assert (made.dynamics.gamma, made.kl.rise * epochs) == (gamma, pytest.approx(500))
        assert loop.weight_decay == (1e-5 if name == "dmfc_rsg" else 2e-5)
    whole = LangevinFlow(**nlb_preset("mc_maze", 20, "langevin-flow", "released"))
    published = LangevinFlow.preset("released", dynamics__allow_unstable=True)
    assert whole.get_params() == published.get_params()


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", ["mc_maze", "dmfc_rsg"])
def test_networks_are_built_or_refused_for_what_their_paths_do(set_name: str, bin_ms: int) -> None:
    counts = np.ones((2, 3, 14))
    population = Population.of(TrialSet(counts, bin_ms / 1e3, heldout=np.arange(14) >= 10))

    def build(preset: str, **changes: Any) -> None:
        settings = nlb_preset(set_name, bin_ms, "langevin-flow", preset)
        with isolated_seed(0):
            LangevinFlow(**settings).set_params(**changes).build_network(population)

    build("default")
    build("released")
    with pytest.raises(StabilityError, match="allow_unstable"):
        build("paper")
    build("paper", dynamics__allow_unstable=True)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(DataError, match=r"did you mean 'mc_maze'"):
        nlb_preset("mc_maz", 20, "smoothing")
    with pytest.raises(
        ModelError, match=r"smoothing has no preset 'referenc' .*: did you mean 'reference'"
    ):
        nlb_preset("mc_maze", 20, "smoothing", "referenc")
    with pytest.raises(
        ModelError, match=r"latent-sde has no preset 'released' .*: choose one of default"
    ):
        nlb_preset("mc_maze", 20, "latent-sde", "released")
