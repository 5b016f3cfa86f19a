"""The Lorenz system seen through Poisson neurons: the usual test set of latent dynamics models."""

import numpy as np

from undertow.checks import number, whole
from undertow.checks import seed as check_seed
from undertow.data import TrialSet
from undertow.errors import DataError

SPLITS = ("train", "val", "test")


def simulate_lorenz(
    conditions: int = 65,
    trials_per_condition: tuple[int, int, int] = (14, 2, 4),
    n_neurons: int = 30,
    mean_rate_hz: float = 7.0,
    bins: int = 100,
    bin_s: float = 0.01,
    step: float = 0.006,
    burn_in: int = 1000,
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8 / 3,
    start_mean: tuple[float, float, float] = (0.0, 0.0, 25.0),
    start_std: float = 5.0,
    weight_var: float = 1 / 3,
    seed: int = 0,
) -> TrialSet:
    """Simulate Poisson spikes driven by Lorenz trajectories.

    Each condition is one initial state, brought onto the attractor by `burn_in` steps. The states,
    standardised over all conditions and bins, drive each neuron through random weights to its
    log-rate; an offset fixes its mean rate.

    Args:
        conditions: number of initial states.
        trials_per_condition: trials to train, validate and test on; the same rates, new spikes.
        n_neurons: number of neurons.
        mean_rate_hz: every neuron's mean true rate, spikes/s.
        bins: bins per trial.
        bin_s: bin width in seconds.
        step: Lorenz time units per bin, one Runge–Kutta step; 0.024 makes a harder set.
        burn_in: steps before the first bin.
        sigma, rho, beta: parameters of the Lorenz system.
        start_mean, start_std: mean and standard deviation of the initial states before burn-in.
        weight_var: variance of the weights from standardised states to log-rates.
        seed: of initial states, weights and spikes.

    Returns:
        Trials, condition by condition, with `condition`, `split` ('train', 'val', 'test') and
        `truth` in spikes/s.

    Raises:
        DataError: for a number that is not positive, or an integration that diverges.
    """
    trials = _checked_trials(trials_per_condition)
    for name, count in (("conditions", conditions), ("n_neurons", n_neurons), ("bins", bins)):
        whole(name, count, 1, error=DataError)
    whole("burn_in", burn_in, 0, error=DataError)
    for name, value in (("mean_rate_hz", mean_rate_hz), ("bin_s", bin_s), ("step", step)):
        number(name, value, 0, above=True, error=DataError)
    generator = np.random.default_rng(check_seed("seed", seed, error=DataError))
    start = np.asarray(start_mean, float) + start_std * generator.standard_normal((conditions, 3))
    # burn-in brings random starts onto the attractor before the first bin
    path = lorenz_path(start, burn_in + bins - 1, step, sigma, rho, beta)[burn_in:]
    states = standardized(path.transpose(1, 0, 2))
    weights = np.sqrt(weight_var) * generator.standard_normal((3, n_neurons))
    rates = rates_with_mean(states @ weights, mean_rate_hz)
    truth = np.repeat(rates, sum(trials), axis=0)
    return TrialSet(
        spikes=generator.poisson(truth * bin_s),
        bin_s=bin_s,
        condition=np.repeat(np.arange(conditions), sum(trials)),
        split=np.tile(np.repeat(SPLITS, trials), conditions),
        truth=truth,
    )


def lorenz_path(
    start: np.ndarray,
    steps: int,
    step: float,
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8 / 3,
) -> np.ndarray:
    """Integrate the Lorenz system by classic fourth-order Runge–Kutta steps.

    y₁' = σ(y₂ − y₁), y₂' = y₁(ρ − y₃) − y₂, y₃' = y₁y₂ − βy₃.

    Args:
        start: states (…, 3).
        steps: number of steps.
        step: step size in Lorenz time units.

    Returns:
        (steps + 1, …, 3), the start first.

    Raises:
        DataError: when the step is so large that the integration diverges.
    """

    def slope(y: np.ndarray) -> np.ndarray:
        return np.stack(
            [
                sigma * (y[..., 1] - y[..., 0]),
                y[..., 0] * (rho - y[..., 2]) - y[..., 1],
                y[..., 0] * y[..., 1] - beta * y[..., 2],
            ],
            axis=-1,
        )

    path = np.empty((steps + 1, *start.shape))
    path[0] = start
    with np.errstate(over="ignore", invalid="ignore"):
        for i in range(steps):
            k1 = slope(path[i])
            k2 = slope(path[i] + step / 2 * k1)
            k3 = slope(path[i] + step / 2 * k2)
            k4 = slope(path[i] + step * k3)
            path[i + 1] = path[i] + step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    if not np.isfinite(path).all():
        raise DataError(
            f"the Lorenz integration diverges at a step of {step:g}: use a smaller step."
        )
    return path


def standardized(states: np.ndarray) -> np.ndarray:
    """Zero mean and unit standard deviation of each coordinate over (conditions, time)."""
    std = states.std(axis=(0, 1))
    if not (std > 0).all():
        raise DataError("the Lorenz states do not vary: use more conditions or bins.")
    return (states - states.mean(axis=(0, 1))) / std


def rates_with_mean(log_rates: np.ndarray, mean_rate_hz: float) -> np.ndarray:
    """Rates exp(log_rates + offset) in spikes/s.

    Each neuron's offset makes its mean over (conditions, time) `mean_rate_hz`.
    """
    relative = np.exp(log_rates)
    return mean_rate_hz * relative / relative.mean(axis=(0, 1))


def _checked_trials(trials_per_condition: tuple[int, int, int]) -> tuple[int, ...]:
    trials = tuple(trials_per_condition)
    if len(trials) != 3 or min(trials) < 0 or sum(trials) == 0 or any(int(n) != n for n in trials):
        raise DataError(
            f"trials_per_condition is {trials_per_condition}: "
            "it must be three whole numbers (train, validation, test), not all 0."
        )
    return tuple(int(n) for n in trials)
