"""`undertow simulate` for every exported system: the same trials as Python's, and its help names
them all."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Undertow
from undertow import datasets, systems
from undertow.cli.simulate import simulators_named
from undertow.data import TrialSet, load
from undertow.errors import UndertowError
from undertow.systems import simulate_oscillators, simulate_rate_network

SYSTEMS = {name.replace("_", "-"): getattr(datasets, name) for name in datasets.__all__}


def test_every_simulator_is_a_data_set() -> None:
    made = {name for name in systems.__all__ if name.startswith("simulate_")}
    assert {each.__name__ for each in SYSTEMS.values()} == made


def test_datasets_lists_each_with_its_size(undertow: Undertow) -> None:
    done = undertow("datasets")
    assert done.exit_code == 0, done.output
    for name in SYSTEMS:
        assert name in done.stdout
    assert "120 × 25 × 100" in done.stdout
    assert "1300 × 100 × 30" in done.stdout


def test_the_rate_network_is_written_with_its_input(undertow: Undertow, tmp_path: Path) -> None:
    settings = [
        "--set",
        "noise=2",
        "--set",
        "n_trials=12",
        "--set",
        "bins=20",
        "--set",
        "input_hz=[2,3]",
    ]
    done = undertow("simulate", "rate-network", "--out", tmp_path / "n.h5", "--seed", 4, *settings)
    assert done.exit_code == 0, done.output
    direct = simulate_rate_network(2.0, n_trials=12, bins=20, input_hz=(2.0, 3.0), seed=4)
    written = load(tmp_path / "n.h5")
    np.testing.assert_array_equal(written.spikes, direct.spikes)
    np.testing.assert_array_equal(written.truth, direct.truth)
    np.testing.assert_array_equal(written.stimulus, direct.stimulus)
    assert written.stimulus_names == ("drive",)


def test_oscillators_take_frequencies_and_coupling(undertow: Undertow, tmp_path: Path) -> None:
    settings = [
        "--set",
        "frequencies_hz=[4,6]",
        "--set",
        "coupling_per_s=[[0,1],[2,0]]",
        "--set",
        "n_trials=5",
    ]
    done = undertow("simulate", "oscillators", "--out", tmp_path / "o.h5", *settings)
    assert done.exit_code == 0, done.output
    direct = simulate_oscillators((4.0, 6.0), ((0.0, 1.0), (2.0, 0.0)), n_trials=5)
    np.testing.assert_array_equal(load(tmp_path / "o.h5").truth, direct.truth)


@pytest.mark.parametrize(("name", "function"), SYSTEMS.items())
def test_every_exported_system_is_found_and_in_the_help(
    undertow: Undertow, name: str, function: Callable[..., TrialSet]
) -> None:
    assert simulators_named(name) is function
    assert name in undertow("simulate", "--help").output


def test_an_unknown_system_is_answered_with_the_nearest() -> None:
    with pytest.raises(UndertowError, match="did you mean 'rate-network'"):
        simulators_named("rate_network")


def test_a_wrong_setting_writes_nothing(undertow: Undertow, tmp_path: Path) -> None:
    done = undertow("simulate", "rate-network", "--out", tmp_path / "n.h5", "--set", "noise=-1")
    assert done.exit_code == 2
    assert "noise is -1.0: it must be a number, at least 0" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_reaches_are_written_with_their_behaviour(undertow: Undertow, tmp_path: Path) -> None:
    small = ["--set", "conditions=2", "--set", "trials_per_condition=2", "--set", "n_neurons=4"]
    done = undertow("simulate", "maze-like", "--out", tmp_path / "m.h5", "--seed", 3, *small)
    assert done.exit_code == 0, done.output
    direct = datasets.maze_like(conditions=2, trials_per_condition=2, n_neurons=4, seed=3)
    written = load(tmp_path / "m.h5")
    np.testing.assert_allclose(written.behavior, direct.behavior)
    assert written.behavior_names == direct.behavior_names
