"""Planted oscillators: their frequencies, their relaxation, their coupling, their noise."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from undertow.errors import DataError
from undertow.systems import Oscillators, simulate_oscillators

FREQUENCIES_HZ = (2.0, 3.3, 5.1)
COUPLING = np.array([[0.0, 1.5, 0.0], [0.5, 0.0, -1.0], [2.0, 0.0, 0.0]])


def test_phases_turn_at_the_planted_frequencies() -> None:
    z = Oscillators.random(FREQUENCIES_HZ).latents(20)
    phases = np.unwrap(np.angle(z), axis=1)
    time_s = np.arange(100) * 0.01
    for k, frequency_hz in enumerate(FREQUENCIES_HZ):
        expected = phases[:, :1, k] + 2 * np.pi * frequency_hz * time_s
        np.testing.assert_allclose(phases[..., k], expected, atol=1e-9)
    np.testing.assert_allclose(np.abs(z), 1.0, atol=1e-12)


def test_with_noise_the_frequency_is_right_on_average() -> None:
    """The phase diffuses by σ²t once the radius is 1 within the noise; σ = 0.3 here."""
    planted, trials = Oscillators.random(FREQUENCIES_HZ, noise=0.3), 400
    phases = np.unwrap(np.angle(planted.latents(trials)), axis=1)
    duration_s = 0.99
    found = (phases[:, -1] - phases[:, 0]) / (2 * np.pi * duration_s)
    four_sigma = 4 * 0.3 * np.sqrt(1.1 / (trials * duration_s)) / (2 * np.pi)
    np.testing.assert_allclose(found.mean(0), FREQUENCIES_HZ, atol=four_sigma)
    assert found.std(0) * 2 * np.pi * np.sqrt(duration_s) == pytest.approx(0.3, rel=0.2)


def test_relaxation_to_the_circle_is_exact_at_any_step() -> None:
    """|z|² = 1 / (1 + (1/r₀² − 1) e^{−2λt})."""
    planted = Oscillators.random((2.0,), relaxation_per_s=7.0)
    start = np.array([[0.1], [2.0 + 1j]])
    z = planted.path(start, np.random.default_rng(0), 30, 0.02, 1)
    decay = np.exp(-2 * 7.0 * np.arange(30) * 0.02)
    expected = 1 / (1 + (1 / np.abs(start) ** 2 - 1) * decay)
    np.testing.assert_allclose(np.abs(z[..., 0]) ** 2, expected, rtol=1e-10)


def test_coupled_oscillators_follow_the_equation() -> None:
    """Against scipy's solver, from the drift as printed: first order in the step."""
    planted = Oscillators.random(FREQUENCIES_HZ, COUPLING)
    start = np.array([1.0, 0.5j, -0.8 + 0.3j])

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        z = y[:3] + 1j * y[3:]
        d = np.array(
            [
                (10 * (1 - abs(z[i]) ** 2) + 2j * np.pi * FREQUENCIES_HZ[i]) * z[i]
                + sum(COUPLING[i, j] * (z[j] - z[i]) for j in range(3))
                for i in range(3)
            ]
        )
        np.testing.assert_allclose(planted.drift(z), d, atol=1e-9)
        return np.concatenate([d.real, d.imag])

    time_s = np.arange(50) * 0.01
    solved = solve_ivp(
        slope, (0, 0.5), np.concatenate([start.real, start.imag]), t_eval=time_s, rtol=1e-8
    )
    exact = (solved.y[:3] + 1j * solved.y[3:]).T
    generator = np.random.default_rng(0)
    errors = [
        np.abs(planted.path(start[None], generator, 50, 0.01, steps)[0] - exact).max()
        for steps in (10, 20)
    ]
    assert errors[0] < 0.01
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.1)


def test_strong_coupling_locks_two_oscillators() -> None:
    both_ways = [[0.0, 8.0], [8.0, 0.0]]
    gap = [
        np.unwrap(np.angle(Oscillators.random((2.0, 3.0), k).latents(5, bins=300)), axis=1)
        @ [1, -1]
        for k in (None, both_ways)
    ]
    turned = [np.abs(each[:, -1] - each[:, 150]) / (2 * np.pi) for each in gap]
    np.testing.assert_allclose(turned[0], 1.49, atol=1e-6)
    assert (turned[1] < 0.01).all()


def test_log_rates_are_the_readout_of_the_states() -> None:
    planted = Oscillators.random(n_neurons=7, seed=5)
    z = planted.latents(9, bins=120, seed=5)
    trials = simulate_oscillators(n_trials=9, n_neurons=7, bins=120, seed=5)
    log_rates = np.concatenate([z.real, z.imag], -1) @ planted.readout.T
    offsets = np.log(trials.truth.astype(float)) - log_rates
    np.testing.assert_allclose(offsets, np.broadcast_to(offsets[0, 0], offsets.shape), atol=1e-5)
    np.testing.assert_allclose(trials.truth.mean(axis=(0, 1), dtype=float), 10.0, rtol=1e-5)
    np.testing.assert_array_equal(planted.frequencies_hz, FREQUENCIES_HZ)


def test_the_rates_hold_the_planted_frequencies_and_no_others() -> None:
    """A linear fit of cos and sin at the planted frequencies explains each trial's log-rates
    whole."""
    trials = simulate_oscillators(n_trials=4, n_neurons=6)
    angle = 2 * np.pi * np.outer(np.arange(100) * 0.01, FREQUENCIES_HZ)
    design = np.column_stack([np.cos(angle), np.sin(angle), np.ones(100)])
    for log_rates in np.log(trials.truth.astype(float)):
        fitted = design @ np.linalg.lstsq(design, log_rates, rcond=None)[0]
        np.testing.assert_allclose(fitted, log_rates, atol=1e-5)


def test_counts_are_poisson_around_the_truth() -> None:
    trials = simulate_oscillators(n_trials=200, n_neurons=10, mean_rate_hz=40.0)
    expected = trials.truth.astype(float) * trials.bin_s
    z = (trials.spikes - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 4 * np.sqrt((2 + (1 / expected).mean()) / z.size)


def test_the_same_seed_gives_the_same_set() -> None:
    first, second, other = (simulate_oscillators(n_trials=5, noise=0.2, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.spikes, second.spikes)
    np.testing.assert_array_equal(first.truth, second.truth)
    assert not np.array_equal(first.truth, other.truth)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"frequencies_hz": ()}, "give at least one, all above zero"),
    ({"frequencies_hz": (2.0, -3.0)}, "frequencies_hz is .* all above zero"),
    ({"frequencies_hz": (1.5,)}, "a trial of 1 s holds 1.5 cycles at 1.5 Hz: it must hold 2"),
    ({"frequencies_hz": (50.0,)}, "50 Hz is not below half the bin rate, 50 Hz"),
    (
        {"coupling_per_s": ((1.0,),)},
        r"coupling_per_s has shape \(1, 1\): for 3 frequencies it must be 3 × 3",
    ),
    (
        {"coupling_per_s": 1e4 * COUPLING},
        "coupling_per_s is too strong for the step: use more steps_per_bin",
    ),
    ({"relaxation_per_s": 0.0}, "relaxation_per_s is 0.0"),
    ({"noise": -0.1}, "noise is -0.1"),
    ({"n_trials": 0}, "n_trials is 0"),
    ({"n_neurons": 0}, "n_neurons is 0"),
    ({"bin_s": -0.01}, "bin_s is -0.01"),
    ({"mean_rate_hz": 0}, "mean_rate_hz is 0"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_numbers_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        simulate_oscillators(**options)


def test_a_readout_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match=r"readout has shape \(4, 3\): it must have 2 columns"):
        Oscillators(np.array([2.0]), np.ones((4, 3)), np.zeros((1, 1)))
