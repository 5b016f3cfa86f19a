"""Frequencies that were planted, found again by `LatentSDE`."""

import numpy as np
import pytest

from undertow.data import TrialSet
from undertow.dynamics import CoupledOscillators
from undertow.models import LatentSDE, PathPosterior
from undertow.systems import simulate_oscillators
from undertow.training import Training

STEPS = 800
"""Of a fit from a band that is far off; 400 are too few."""


def fitted_hz(trials: TrialSet, n: int, timescale_s: float, width: int, epochs: int) -> np.ndarray:
    """Sorted natural frequencies of `n` uncoupled oscillators fitted to the trials.

    Frequencies start between 0.75 and 3 cycles per 2.5 τ, and move by at most about the learning
    rate a step, so that it takes some hundreds of steps.
    """
    model = (
        LatentSDE()
        .set_params(
            dynamics=CoupledOscillators(
                2 * n, coupling="none", timescale_s=timescale_s, start_cycles=(0.75, 3.0)
            ),
            posterior__initial_s=0.1 * trials.n_time * trials.bin_s,
            encoder__hidden_dim=width,
            posterior__hidden_dim=width,
            decoder__width=width,
            dropout=0.0,
            training=Training(epochs=epochs, batch_size=16, learning_rate=2e-2),
        )
        .fit(trials)
    )
    dynamics = model.dynamics_
    assert isinstance(dynamics, CoupledOscillators)
    return np.sort(dynamics.natural_frequencies_hz.detach().abs().numpy())


@pytest.mark.slow
def test_uncoupled_oscillators_are_recovered() -> None:
    """Two to five cycles a trial; the frequencies start at 1.5, 3 and 6 Hz."""
    planted = (2.0, 3.3, 5.1)
    trials = simulate_oscillators(
        planted, n_trials=128, n_neurons=40, mean_rate_hz=30, bins=40, bin_s=0.025
    )
    found = fitted_hz(trials, n=3, timescale_s=0.2, width=32, epochs=50)
    assert np.allclose(found, planted, rtol=0.05), found


@pytest.mark.slow
def test_the_bin_width_does_not_change_a_frequency() -> None:
    """The same spikes in bins of 5 and of 20 ms."""
    fine = simulate_oscillators(
        (8.0,), n_trials=64, n_neurons=20, mean_rate_hz=40, bins=80, bin_s=0.005
    )
    found = [
        fitted_hz(t, n=1, timescale_s=0.03, width=16, epochs=30)[0]
        for t in (fine, fine.rebin(0.02))
    ]
    assert found[0] == pytest.approx(found[1], rel=0.02)
    assert found[0] == pytest.approx(8.0, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.25, 4.0], ids=["too low", "too high"])
def test_aligned_modes_are_recovered_from_a_band_that_is_far_off(factor: float) -> None:
    """A drift of the posterior's own turns freely; its modes are where the prior's then start."""
    planted = (2.0, 3.3, 5.1)
    trials = simulate_oscillators(
        planted, n_trials=128, n_neurons=40, mean_rate_hz=30, bins=40, bin_s=0.025
    )
    band = planted[0] * factor, planted[-1] * factor
    model = LatentSDE(
        CoupledOscillators(2 * len(planted), start_cycles=band),
        posterior=PathPosterior("drift", align_modes=True),
        dropout=0.0,
        training=Training(steps=STEPS, learning_rate=5e-3, dynamics_rate=10, validate_every=None),
    ).fit(trials, verbose=False)
    dynamics = model.dynamics_
    assert isinstance(dynamics, CoupledOscillators)
    found = np.sort(dynamics.natural_frequencies_hz.detach().numpy())
    assert np.allclose(found, planted, rtol=0.03), found
