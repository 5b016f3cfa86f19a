"""The rate network of eq. 13: its path against scipy, its noise against closed forms, its counts
against Poisson."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import solve_continuous_lyapunov

from undertow.errors import DataError
from undertow.systems import RateNetwork, simulate_rate_network

FREQUENCY_HZ, PHASE = np.array([1.3, 3.7]), np.array([0.2, 4.0])


def end_of(
    network: RateNetwork, start: np.ndarray, steps_per_bin: int
) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    return network.path(start, FREQUENCY_HZ, PHASE, generator, steps_per_bin=steps_per_bin)


def test_without_noise_it_follows_the_equation() -> None:
    """Against scipy's solver: first order in the step, and the default step within 0.02
    throughout."""
    network = RateNetwork.random(noise=0.0, seed=3)
    start = np.random.default_rng(1).standard_normal((2, 3))
    time_s = np.arange(100) * 0.01
    exact = []
    for x0, f, phi in zip(start, FREQUENCY_HZ, PHASE, strict=True):

        def slope(t: float, x: np.ndarray, f: float = f, phi: float = phi) -> np.ndarray:
            u = np.array([np.sin(2 * np.pi * f * t + phi)])
            pull = np.tanh(network.recurrent @ x + network.input_weights @ u) - x
            return pull / network.timescales_s

        exact.append(solve_ivp(slope, (0, 1), x0, t_eval=time_s, rtol=1e-10, atol=1e-12).y.T)
    errors = [np.abs(end_of(network, start, steps)[0] - exact).max() for steps in (10, 20, 40)]
    assert errors[0] < 0.02
    assert np.log2(errors[0] / errors[1]) == pytest.approx(1, abs=0.05)
    assert np.log2(errors[1] / errors[2]) == pytest.approx(1, abs=0.05)


def test_states_and_inputs_are_those_of_the_left_edges() -> None:
    start = np.random.default_rng(1).standard_normal((2, 3))
    states, inputs = end_of(RateNetwork.random(), start, 5)
    np.testing.assert_array_equal(states[:, 0], start)
    expected = np.sin(2 * np.pi * FREQUENCY_HZ[:, None] * np.arange(100) * 0.01 + PHASE[:, None])
    np.testing.assert_allclose(inputs[..., 0], expected, atol=1e-12)


def test_without_coupling_each_population_has_its_stationary_variance() -> None:
    """A = B = 0: an Ornstein–Uhlenbeck process, of variance σ²δ/2 · 1/(1 − dt/2δ) under
    Euler–Maruyama."""
    delta, noise, trials, dt = np.array([0.05, 0.1]), 1.5, 20_000, 0.01
    network = RateNetwork(np.zeros((2, 2)), np.zeros((2, 1)), delta, np.ones((4, 2)), noise)
    zeros = np.zeros(trials)
    states, _ = network.path(
        np.zeros((trials, 2)), zeros, zeros, np.random.default_rng(0), 100, dt, 1
    )
    expected_var = noise**2 * delta / 2 / (1 - dt / (2 * delta))
    np.testing.assert_allclose(states[:, -1].var(0), expected_var, rtol=5 * np.sqrt(2 / trials))


def test_near_rest_the_covariance_solves_the_lyapunov_equation() -> None:
    """Weak noise about 0 with a contracting A: J P + P Jᵀ + σ² = 0, J = δ⁻¹(A − 1)."""
    recurrent, delta, noise, trials = (
        np.array([[0.3, -0.8], [0.8, 0.1]]),
        np.array([0.1, 0.2]),
        0.05,
        20_000,
    )
    network = RateNetwork(recurrent, np.zeros((2, 1)), delta, np.ones((4, 2)), noise)
    zeros = np.zeros(trials)
    states, _ = network.path(
        np.zeros((trials, 2)), zeros, zeros, np.random.default_rng(0), 150, 0.01, 5
    )
    jacobian = (recurrent - np.eye(2)) / delta[:, None]
    covariance = solve_continuous_lyapunov(jacobian, -(noise**2) * np.eye(2))
    found = np.cov(states[:, -1].T)
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    # the step of 2 ms adds up to dt/2δ, 1 %; sampling up to 5 √(2/n), 5 %
    assert (np.abs(found - covariance) < 0.06 * scale).all()


def test_drift_by_hand() -> None:
    network = RateNetwork.random(seed=2)
    x, u = np.array([0.3, -1.0, 0.5]), np.array([0.7])
    for i in range(3):
        inside = (
            sum(network.recurrent[i, j] * x[j] for j in range(3))
            + network.input_weights[i, 0] * u[0]
        )
        by_hand = (-x[i] + np.tanh(inside)) / network.timescales_s[i]
        assert network.drift(x, u)[i] == pytest.approx(by_hand)
    grid = np.random.default_rng(0).standard_normal((4, 5, 3))
    assert network.drift(grid, np.zeros((4, 5, 1))).shape == (4, 5, 3)


@pytest.mark.parametrize("seed", range(3))
def test_left_alone_it_goes_round_a_limit_cycle(seed: int) -> None:
    drawn = RateNetwork.random(noise=0.0, seed=seed)
    values = np.linalg.eigvals(drawn.recurrent)
    np.testing.assert_allclose(np.sort(np.abs(values)), [0.5, 2.5, 2.5])
    network = RateNetwork(
        drawn.recurrent, 0 * drawn.input_weights, drawn.timescales_s, drawn.readout, 0.0
    )
    states, _ = network.latents(6, bins=800, seed=seed)
    late = states[:, 500:, 0]
    assert (late.std(1) > 0.2).all()  # it does not come to rest
    assert late.std(1) == pytest.approx(late.std(), rel=0.1)  # and ends the same from any start
    cycles = ((late[:, 1:] > 0) & (late[:, :-1] <= 0)).sum(1)
    assert ((cycles >= 2) & (cycles <= 5)).all()


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0, 2.0])
def test_rates_are_plausible_at_every_noise_of_the_paper(noise: float) -> None:
    trials = simulate_rate_network(noise)
    assert trials.spikes.shape == (300, 100, 50)
    assert trials.bin_s == 0.01
    assert trials.stimulus_names == ("drive",)
    np.testing.assert_allclose(trials.truth.mean(axis=(0, 1), dtype=float), 10.0, rtol=1e-5)
    assert trials.truth.max() < 600
    assert np.percentile(trials.truth, 99.9) < 150


def test_log_rates_are_the_readout_of_the_activity() -> None:
    network = RateNetwork.random(n_neurons=7, noise=1.0, seed=5)
    states, inputs = network.latents(9, bins=30, seed=5)
    trials = simulate_rate_network(1.0, n_trials=9, n_neurons=7, bins=30, seed=5)
    offsets = np.log(trials.truth.astype(float)) - states @ network.readout.T
    np.testing.assert_allclose(offsets, np.broadcast_to(offsets[0, 0], offsets.shape), atol=1e-5)
    np.testing.assert_allclose(trials.stimulus, inputs, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(network.readout, axis=1), 1.0)


def test_counts_are_poisson_around_the_truth() -> None:
    trials = simulate_rate_network(1.0, n_trials=200, n_neurons=10, mean_rate_hz=40.0)
    expected = trials.truth.astype(float) * trials.bin_s
    z = (trials.spikes - expected) / np.sqrt(expected)
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 4 * np.sqrt((2 + (1 / expected).mean()) / z.size)


def test_starts_phases_and_frequencies_are_drawn_as_said() -> None:
    states, inputs = RateNetwork.random(noise=0.0).latents(4000, bins=2, input_hz=(2.0, 2.0))
    start = states[:, 0]
    assert (np.abs(start.mean(0)) < 4 / np.sqrt(4000)).all()
    np.testing.assert_allclose(np.cov(start.T), np.eye(3), atol=4 * np.sqrt(2 / 4000))
    assert inputs[:, 0].var() == pytest.approx(0.5, rel=0.1)  # of the sine of a random phase
    _, driven = RateNetwork.random().latents(50, bins=400, input_hz=(2.0, 3.0))
    crossings = ((driven[:, 1:, 0] > 0) & (driven[:, :-1, 0] <= 0)).sum(1)
    assert set(crossings) <= {8, 9, 10, 11, 12}
    assert len(set(crossings)) > 2


def test_the_same_seed_gives_the_same_set() -> None:
    first, second, other = (simulate_rate_network(n_trials=5, bins=20, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(first.spikes, second.spikes)
    np.testing.assert_array_equal(first.truth, second.truth)
    assert not np.array_equal(first.truth, other.truth)


def test_another_noise_keeps_network_starts_and_inputs() -> None:
    quiet, loud = (RateNetwork.random(noise=noise, seed=4) for noise in (0.0, 2.0))
    for name in ("recurrent", "input_weights", "readout"):
        np.testing.assert_array_equal(getattr(quiet, name), getattr(loud, name))
    (x, u), (y, v) = (each.latents(5, bins=20, seed=4) for each in (quiet, loud))
    np.testing.assert_array_equal(u, v)
    np.testing.assert_array_equal(x[:, 0], y[:, 0])
    assert not np.array_equal(x[:, 1], y[:, 1])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"noise": -1.0}, "noise is -1.0: it must be a number, at least 0"),
    ({"noise": float("nan")}, "noise is nan"),
    ({"n_trials": 0}, "n_trials is 0"),
    ({"n_neurons": 0}, "n_neurons is 0"),
    ({"bins": 1.5}, "bins is 1.5"),
    ({"bin_s": 0.0}, "bin_s is 0.0"),
    ({"mean_rate_hz": 0.0}, "mean_rate_hz is 0.0"),
    ({"steps_per_bin": 0}, "steps_per_bin is 0"),
    ({"input_hz": (3.0, 2.0)}, r"input_hz is \(3.0, 2.0\): it must be the lowest and highest"),
    (
        {"bin_s": 0.5, "steps_per_bin": 1},
        "a step of 0.5 s is longer than the shortest timescale, 0.1 s: use more",
    ),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_numbers_are_refused_by_name(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        simulate_rate_network(**options)


def test_arrays_that_do_not_fit_are_refused_by_name() -> None:
    two = np.array([0.1, 0.2])
    with pytest.raises(
        DataError, match=r"input_weights has shape \(2,\): with 2 timescales it must have \(2, 1\)"
    ):
        RateNetwork(np.eye(2), np.ones(2), two, np.ones((4, 2)))
    with pytest.raises(DataError, match=r"timescales_s is .* all must be above zero"):
        RateNetwork(np.eye(2), np.ones((2, 1)), 0 * two, np.ones((4, 2)))
