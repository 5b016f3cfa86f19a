"""Decoders that transfer: latents that mean the same decode another session's velocity."""

from typing import Any

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.evaluation import combine, transfer_statistic

BIN_S, LAG = 0.02, 5


def make(seed: int, mixing_seed: int = 0, n_neurons: int = 6, **changes: Any) -> Prediction:
    """Two latents, read through a mixing; velocity is the latents 100 ms before."""
    rng = np.random.default_rng(seed)
    latent = np.cumsum(rng.normal(size=(30, 25, 2)), axis=1) / 3
    velocity = np.concatenate([np.zeros((30, LAG, 2)), latent[:, :-LAG]], axis=1)
    mixing = np.random.default_rng(mixing_seed).normal(size=(2, 4))
    trials = TrialSet(
        rng.poisson(1.0, (30, 25, n_neurons)),
        BIN_S,
        **{"behavior": velocity, "behavior_names": ("vel_x", "vel_y"), **changes},
    )
    noise = rng.normal(size=(30, 25, 3))
    return Prediction(np.ones(trials.shape), trials, latents={"z": latent @ mixing, "noise": noise})


def value(test: Prediction, train: Prediction, **options: Any) -> float:
    statistic = transfer_statistic(test, train, **options)
    return float(combine([[{"x": statistic}]])["x"].value)


def test_shared_latents_decode_a_session_of_other_neurons() -> None:
    train, test = make(0), make(1, n_neurons=9)
    assert value(test, train) > 0.999
    assert value(train, train) > 0.999
    assert value(test, train, latents=["z", "noise"]) > 0.99


def test_latents_of_another_meaning_do_not() -> None:
    assert value(make(1, mixing_seed=5), make(0)) < 0.5
    assert value(make(1), make(0), latents=["noise"]) < 0.2


def test_the_lag_is_that_of_the_velocity() -> None:
    assert value(make(1), make(0), lag_s=0.0) < 0.95
    assert "velocity 100 ms later" in transfer_statistic(make(1), make(0)).note


def test_bins_without_a_velocity_are_left_out() -> None:
    test = make(1)
    assert test.trials.behavior is not None
    gaps = test.trials.behavior.copy()
    gaps[:, 10:14, 0] = np.nan
    statistic = transfer_statistic(make(1, behavior=gaps), make(0))
    assert statistic.bins.sum() == 30 * (25 - LAG - 4) * 2
    assert value(make(1, behavior=gaps), make(0)) > 0.999


def test_the_scale_of_a_latent_does_not_matter() -> None:
    train, test = make(0), make(1)
    for each in (train, test):
        each.latents["z"][..., 0] *= 1e4  # type: ignore[index]
    assert value(test, train) > 0.999


@pytest.mark.parametrize(
    ("test", "options", "words"),
    [
        (make(1), {"latents": ["h"]}, "latents that both predictions have are z, noise"),
        (make(1), {"latents": []}, "name some of these"),
        (make(1), {"lag_s": -1.0}, "lag_s"),
        (make(1, behavior_names=("vel_x", "force")), {}, "same behaviour channels"),
        (make(1, behavior=None, behavior_names=()), {}, "same behaviour channels"),
    ],
)
def test_what_cannot_be_transferred_is_said(
    test: Prediction, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        transfer_statistic(test, make(0), **options)


def test_other_dimensions_and_bins_are_refused() -> None:
    train, other = make(0), make(1)
    wide = Prediction(other.rates, other.trials, latents={"z": np.ones((30, 25, 7))})
    with pytest.raises(DataError, match="z has 4 and 7 dimensions"):
        transfer_statistic(wide, train)
    slow = TrialSet(other.trials.spikes, 0.05)
    with pytest.raises(DataError, match="rebin one"):
        transfer_statistic(Prediction(other.rates, slow, latents=other.latents), train)
