"""Readouts of behaviour and labels are at their optimum when training ends."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from undertow.data import TrialSet
from undertow.models import LatentSDE
from undertow.models.latent_sde import readouts
from undertow.models.latent_sde.readouts import solve_for_bound, solve_for_prediction
from undertow.systems.oscillators import Oscillators
from undertow.training import Training

T0, BINS = 3, 25


@cache
def trials() -> TrialSet:
    """Two slow oscillators, whose sum and difference is behaviour, and whose side is a label."""
    planted = Oscillators.random((2.0, 3.0), noise=0.5, n_neurons=40, seed=1)
    made = planted.simulate(80, mean_rate_hz=40, bins=BINS, bin_s=0.04, seed=1)
    z = planted.latents(80, BINS, 0.04, seed=1)
    noise = np.random.default_rng(0).normal(size=(80, BINS, 2))
    behavior = np.stack([z.real.sum(-1), z.imag[..., 0] - z.imag[..., 1]], -1) + 0.1 * noise
    label = np.where(z.real[:, -1, 0] > 0, "left", "right")
    return made.replace(
        behavior=20 * behavior + 100, behavior_names=("x", "y"), labels={"side": label}
    )


@cache
def fitted(monitor: Any = "auto") -> LatentSDE:
    training = Training(
        steps=50, batch_size=30, learning_rate=1e-2, validate_every=None, monitor=monitor
    )
    model = LatentSDE(
        "coupled-oscillators", 4, training=training, samples=20, posterior="drift"
    ).set_params(posterior__initial_s=T0 * 0.04, encoder__hidden_dim=16, decoder__width=16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(trials()[:60], verbose=False)


def r2(truth: np.ndarray, predicted: np.ndarray) -> float:
    residual, total = np.square(truth - predicted).sum(0), np.square(truth - truth.mean(0)).sum(0)
    return float((1 - residual / total).mean())


@pytest.mark.parametrize(("monitor", "mode"), [("auto", "smooth"), ("generate", "generate")])
def test_fitting_them_again_gains_next_to_nothing(monitor: str, mode: str) -> None:
    model, seen, new = fitted(monitor), trials()[:60], trials()[60:]
    first = T0 * (mode == "generate")
    own = model.predict(new, mode=mode)  # type: ignore[arg-type]
    rows = []
    for each in (seen, new):
        latents = model.predict(each, mode=mode).latents  # type: ignore[arg-type]
        stacked = np.concatenate(list(latents.values()), -1)[:, first:]
        rows.append((stacked.reshape(-1, 4), each.behavior[:, first:].reshape(-1, 2)))
    again = Ridge(1e-3).fit(*rows[0]).predict(rows[1][0])
    gain = r2(rows[1][1], again) - r2(rows[1][1], own.behavior[:, first:].reshape(-1, 2))
    assert gain < 0.02


def test_the_standard_deviation_of_behaviour_is_what_it_says() -> None:
    model, seen = fitted(), trials()[:60]
    made = model.predict(seen, samples=100)
    score = (seen.behavior - made.behavior) / made.behavior_std
    # 60 trials, whose bins go together: the share of 1,500 bins is known like that of 60 or more
    assert np.mean(np.abs(score) < 1.645) == pytest.approx(0.9, abs=4 * (0.9 * 0.1 / 60) ** 0.5)


def test_labels_are_read_at_their_optimum() -> None:
    model, seen = fitted(), trials()[:60]
    made = model.predict(seen, samples=100)
    known = list(made.label_categories["side"])
    codes = np.array([known.index(each) for each in seen.labels["side"]])
    given = made.label_probabilities["side"][np.arange(60), codes]
    share = np.bincount(codes).max() / 60
    assert -np.log(given).mean() < -share * np.log(share) - (1 - share) * np.log(1 - share) + 0.01


def test_labels_of_a_model_that_generates_are_read_off_inferred_paths_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of labels that inferred paths tell and generated ones do not."""
    model, seen = fitted(), trials()[:60]
    side = torch.as_tensor(np.where(seen.labels["side"] == "left", 1.0, -1.0)).float()
    random = torch.Generator().manual_seed(0)
    told = side[:, None, None] + 0.1 * torch.randn(60, BINS, 4, generator=random)

    def units(network: Any, batch: Any, generate: bool, paths: int) -> torch.Tensor:
        return (told[torch.randperm(60, generator=random)] if generate else told).repeat(
            paths, 1, 1, 1
        )

    network = model.copy().fit(trials()[:2], trials()[2:4], verbose=False).network_
    monkeypatch.setattr(readouts, "path_units", units)
    readouts.solve_for_prediction(network, model.read(seen), generate=True)
    label: Any = network.labels["side"]
    left = model.predict(seen[:1]).label_categories["side"].tolist().index("left")
    assert (label.mean(told.mean(1))[:, left] > 0.5).tolist() == (side > 0).tolist()


def test_single_paths_and_their_mean_have_readouts_of_their_own() -> None:
    model, batch = fitted(), fitted().read(trials()[:60])
    network = model.copy().fit(trials()[:2], trials()[2:4], verbose=False).network_
    network.load_state_dict(model.network_.state_dict())
    found = {}
    for single in (True, False):
        if single:
            solve_for_bound(network, batch)
        else:
            solve_for_prediction(network, batch, generate=False)
        weight = network.behavior.readout_mean.weight.detach().clone()  # type: ignore[union-attr]
        encoded, generator = network.encode(batch), torch.Generator().manual_seed(5)
        with torch.no_grad():
            drawn = network.draw(batch, encoded, generator)
            bound = network.log_likelihoods(batch, drawn)["behavior"].mean()
        found[single] = float(weight.norm()), float(bound)
    assert found[True][0] < found[False][0]  # flattened by the spread of single paths
    assert found[True][1] > found[False][1] - 1.0


def test_they_can_be_left_to_the_optimiser() -> None:
    model = fitted().copy(signals__solve_readouts=False)
    assert model.fit(trials()[:20], verbose=False).closed_form(model.read(trials()[:20])) is None


def test_after_learning_again_they_are_those_for_prediction() -> None:
    some = trials()[:20]
    model = fitted().copy(training__steps=4, posterior__relearn=3).fit(some, some, verbose=False)
    network = model.network_
    assert network.behavior is not None
    before = [each.clone() for each in network.behavior.parameters()]
    solve_for_prediction(network, model.read(some), generate=False)
    for one, two in zip(before, network.behavior.parameters(), strict=True):
        assert one.detach().numpy() == pytest.approx(two.detach().numpy(), rel=1e-4, abs=1e-5)
