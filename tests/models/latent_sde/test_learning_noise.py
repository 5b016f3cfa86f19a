"""Process noise learned on the evidence itself."""

import numpy as np
import pytest
import torch

from tests.models.small_sde import TRIALS, fit, random_walk, with_times
from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.models import LatentSDE
from undertow.models.latent_sde import learning_noise
from undertow.models.latent_sde.learning_noise import learn_noise, noise_weights


def read(model: LatentSDE, trials: TrialSet) -> Batch:
    return model.read(model.checked(trials))


def state(model: LatentSDE) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.network_.state_dict().items()}


@pytest.mark.parametrize("diffusion", ["constant", "state", "network", "full"])
def test_the_diffusion_learns_alone(diffusion: str) -> None:
    model = fit(dynamics__diffusion=diffusion)
    before = state(model)
    learn_noise(model.network_, read(model, TRIALS), 2, 0)
    after = state(model)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("dynamics.diffusivity.") for name in changed)


@pytest.mark.parametrize("trials", [TRIALS, with_times(TRIALS, 0.004)], ids=["bins", "times"])
def test_steps_of_several_bins_and_irregular_times_are_taken_bin_by_bin(trials: TrialSet) -> None:
    model = fit(trials, solver__bins_per_step=2.0)
    before = state(model)
    learn_noise(model.network_, read(model, trials), 2, 0)
    assert any(not torch.equal(value, before[name]) for name, value in state(model).items())


def test_nothing_is_learned_where_paths_have_no_density() -> None:
    model = fit(TRIALS.replace(stimulus=None), dynamics="underdamped-langevin", latent_dim=8)
    before = state(model)
    learn_noise(model.network_, read(model, TRIALS), 2, 0)
    assert all(torch.equal(value, before[name]) for name, value in state(model).items())


@pytest.mark.slow
def test_the_gradient_is_that_of_the_evidence() -> None:
    """Beside differences of the particles' own evidence, many of them."""
    model = fit(TRIALS[:6], dynamics="linear-sde", latent_dim=2, epochs=20)
    network, batch = model.network_, read(model, TRIALS[:6])
    (raw,) = noise_weights(network.dynamics)
    generator = torch.Generator().manual_seed(0)
    rows = torch.stack(
        [
            torch.autograd.grad(learning_noise._loss(network, batch, generator), raw)[0]
            for _ in range(60)
        ]
    )
    gradient, error = -rows.mean(0), rows.std(0) / len(rows) ** 0.5

    def evidence(coordinate: int, moved: float, seed: int) -> float:
        with torch.no_grad():
            raw[coordinate] += moved
            found = model.predict(TRIALS[:6], 1, particles=2000, seed=seed).terms["log_evidence"]
            raw[coordinate] -= moved
        return float(found.mean())

    for k in range(2):
        slopes = [(evidence(k, 0.3, s) - evidence(k, -0.3, s)) / 0.6 for s in range(8)]
        spread = np.hypot(np.std(slopes, ddof=1) / 8**0.5, float(error[k]))
        assert abs(np.mean(slopes) - float(gradient[k])) < 4 * spread + 0.02


@pytest.mark.slow
def test_planted_noise_is_found_from_too_little_and_too_much() -> None:
    """All else of the model is what made the trials."""
    model = fit(random_walk(), dynamics="linear-sde", latent_dim=2, epochs=60)
    (raw,) = noise_weights(model.network_.dynamics)

    def set_std(std: float) -> None:
        model.network_.dynamics.diffusivity.set_std(torch.full((2,), std))  # type: ignore[union-attr,operator]

    set_std(1.0)
    made = model.sample(200, n_time=30)
    for start in (0.4, 2.0):
        set_std(start)
        for seed in range(2):
            learn_noise(model.network_, read(model, made), 30, seed)
        found = model.network_.dynamics.diffusivity(raw)  # type: ignore[operator]
        assert (found.log().abs() < 0.2).all()
