"""The Lorenz recipe: rates, labels, states and the order of the integrator."""

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.systems import simulate_lorenz
from undertow.systems.lorenz import lorenz_path, rates_with_mean, standardized


def test_the_default_set() -> None:
    trials = simulate_lorenz()
    assert trials.spikes.shape == (1300, 100, 30)
    assert trials.bin_s == 0.01
    assert [(trials.split == part).sum() for part in ("train", "val", "test")] == [910, 130, 260]
    for condition in range(65):
        rows = trials.condition == condition
        assert rows.sum() == 20
        assert (trials.truth[rows] == trials.truth[rows][0]).all()
    np.testing.assert_allclose(trials.truth.mean(axis=(0, 1), dtype=float), 7.0, rtol=1e-5)
    n = trials.n_trials * trials.n_time
    four_sigma = 4 * np.sqrt(7.0 / (n * trials.bin_s))  # Poisson counts around the true mean
    np.testing.assert_allclose(trials.mean_rates, 7.0, atol=four_sigma)


def test_counts_are_poisson_around_the_truth() -> None:
    trials = simulate_lorenz(
        conditions=20, trials_per_condition=(40, 5, 5), n_neurons=10, mean_rate_hz=40.0
    )
    expected = trials.truth * trials.bin_s
    z = (trials.spikes - expected) / np.sqrt(expected)
    n = z.size
    assert abs(z.mean()) < 4 / np.sqrt(n)
    fourth = 3 + 1 / expected.mean()  # E z⁴ − 1 bounds the variance of z²; heavier at low rates
    assert abs((z**2).mean() - 1) < 4 * np.sqrt((fourth + (1 / expected).mean()) / n)


def test_every_number_is_an_option() -> None:
    trials = simulate_lorenz(
        conditions=3,
        trials_per_condition=(2, 0, 1),
        n_neurons=5,
        mean_rate_hz=50.0,
        bins=20,
        bin_s=0.02,
        step=0.024,
        burn_in=10,
        seed=4,
    )
    assert trials.spikes.shape == (9, 20, 5)
    assert trials.split.tolist() == ["train", "train", "test"] * 3
    assert trials.condition.tolist() == np.repeat([0, 1, 2], 3).tolist()
    np.testing.assert_allclose(trials.truth.mean(axis=(0, 1), dtype=float), 50.0, rtol=1e-5)
    base = simulate_lorenz(conditions=3, seed=4).truth
    for change in ({"sigma": 9.0}, {"rho": 26.0}, {"beta": 2.5}, {"step": 0.01}, {"burn_in": 20}):
        assert not np.array_equal(base, simulate_lorenz(conditions=3, seed=4, **change).truth)
    for change in (
        {"start_mean": (1.0, 0.0, 25.0)},
        {"start_std": 4.0},
        {"weight_var": 1.0},
        {"seed": 5},
    ):
        assert not np.array_equal(
            base, simulate_lorenz(conditions=3, **{"seed": 4, **change}).truth
        )


def test_the_same_seed_gives_the_same_set() -> None:
    first, second = (simulate_lorenz(conditions=2, bins=10, n_neurons=4, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.spikes, second.spikes)
    np.testing.assert_array_equal(first.truth, second.truth)


def test_log_rates_are_linear_in_the_standardised_states() -> None:
    trials = simulate_lorenz(
        conditions=10, trials_per_condition=(1, 0, 0), n_neurons=6, bins=50, mean_rate_hz=50
    )
    start = np.array([0.0, 0.0, 25.0]) + 5 * np.random.default_rng(0).standard_normal((10, 3))
    states = standardized(lorenz_path(start, 1049, 0.006)[1000:].transpose(1, 0, 2)).reshape(-1, 3)
    np.testing.assert_allclose(states.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(states.std(axis=0), 1, atol=1e-12)
    design = np.column_stack([states, np.ones(len(states))])
    log_rates = np.log(trials.truth.reshape(-1, 6).astype(float))
    fitted = design @ np.linalg.lstsq(design, log_rates, rcond=None)[0]
    np.testing.assert_allclose(fitted, log_rates, atol=1e-5)


def test_weights_have_the_variance_asked_for() -> None:
    trials = simulate_lorenz(
        conditions=30, trials_per_condition=(1, 0, 0), n_neurons=2000, bins=20, weight_var=0.01
    )
    # for standardised states the mean over neurons of var(w·x) is 3 · weight_var
    log_rate_var = np.log(trials.truth.astype(float)).var(axis=(0, 1)).mean()
    assert log_rate_var == pytest.approx(0.03, rel=0.1)


def test_the_integrator_is_of_fourth_order() -> None:
    start = np.array([[1.0, 2.0, 20.0], [-5.0, -3.0, 30.0]])

    def end(steps: int) -> np.ndarray:
        return lorenz_path(start, steps, 0.4 / steps)[-1]

    exact = end(12800)
    errors = [np.abs(end(steps) - exact).max() for steps in (100, 200, 400)]
    orders = np.log2(np.array(errors[:-1]) / errors[1:])
    assert ((orders > 3.8) & (orders < 4.2)).all()


def test_fixed_points_stay() -> None:
    wing = np.sqrt(8 / 3 * 27)
    for point in ([0.0, 0.0, 0.0], [wing, wing, 27.0], [-wing, -wing, 27.0]):
        path = lorenz_path(np.array(point), 50, 0.006)
        np.testing.assert_allclose(path, np.broadcast_to(point, path.shape), atol=1e-9)


def test_offsets_give_each_neuron_its_mean() -> None:
    log_rates = np.random.default_rng(0).normal(size=(4, 5, 3))
    rates = rates_with_mean(log_rates, 7.0)
    np.testing.assert_allclose(rates.mean(axis=(0, 1)), 7.0)
    differences = np.log(rates) - log_rates
    np.testing.assert_allclose(differences, np.broadcast_to(differences[0, 0], differences.shape))


WRONG = [
    ({"conditions": 0}, "conditions is 0"),
    ({"conditions": 1.5}, "conditions is 1.5"),
    ({"n_neurons": -1}, "n_neurons is -1"),
    ({"bins": 0}, "bins is 0"),
    ({"burn_in": -1}, "burn_in is -1"),
    ({"mean_rate_hz": 0}, "mean_rate_hz is 0"),
    ({"step": float("nan")}, "step is nan"),
    ({"step": 0.5}, "diverges at a step of 0.5"),
    ({"trials_per_condition": (0, 0, 0)}, "trials_per_condition"),
    ({"trials_per_condition": (3, 2)}, "trials_per_condition"),
    ({"conditions": 1, "bins": 1}, "do not vary"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_wrong_numbers_are_refused_by_name(options: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        simulate_lorenz(**options)  # type: ignore[arg-type]
