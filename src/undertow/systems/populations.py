"""What simulated populations share: sizes, random streams and readouts, Poisson counts."""

import numpy as np

from undertow.checks import number, whole
from undertow.checks import seed as check_seed
from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.systems.lorenz import rates_with_mean

# separate streams: the same network with other noise, the same trials with other spikes
NETWORK_STREAM, TRIALS_STREAM, SPIKES_STREAM = 0, 1, 2


def stream(seed: int, number: int) -> np.random.Generator:
    """One of the random streams of a seed.

    Raises:
        DataError: for a seed that no generator takes.
    """
    return np.random.default_rng([check_seed("seed", seed, error=DataError), number])


def check_sizes(n_trials: int, bins: int, bin_s: float, steps_per_bin: int) -> None:
    """Refuse a set of no trials, bins or steps.

    Raises:
        DataError: naming the argument and its rule.
    """
    for name, count in (("n_trials", n_trials), ("bins", bins), ("steps_per_bin", steps_per_bin)):
        whole(name, count, 1, error=DataError)
    number("bin_s", bin_s, 0, above=True, unit="seconds", error=DataError)


def random_directions(
    n_neurons: int, dim: int, generator: np.random.Generator, length: float = 1.0
) -> np.ndarray:
    """Weights from states to log-rates, (neurons, dim), all of one length.

    So no neuron varies far more than others.
    """
    whole("n_neurons", n_neurons, 1, error=DataError)
    weights = generator.standard_normal((n_neurons, dim))
    directions: np.ndarray = weights / np.linalg.norm(weights, axis=1, keepdims=True)
    return length * directions


def poisson_trials(
    log_rates: np.ndarray,
    mean_rate_hz: float,
    bin_s: float,
    seed: int,
    drive: np.ndarray | None = None,
) -> TrialSet:
    """Counts with rates exp(log_rates + offset), each neuron's offset fixing its mean rate.

    Args:
        log_rates: (trials, bins, neurons), up to the offsets.
        mean_rate_hz: every neuron's mean over trials and bins, spikes/s.
        bin_s: bin width in seconds.
        seed: of the counts.
        drive: the input, (trials, bins, 1), kept as the stimulus 'drive'.

    Raises:
        DataError: for a mean rate that is not above zero.
    """
    number("mean_rate_hz", mean_rate_hz, 0, above=True, unit="spikes/s", error=DataError)
    truth = rates_with_mean(log_rates, mean_rate_hz)
    return TrialSet(
        spikes=np.random.default_rng(
            [check_seed("seed", seed, error=DataError), SPIKES_STREAM]
        ).poisson(truth * bin_s),
        bin_s=bin_s,
        truth=truth,
        stimulus=drive,
        stimulus_names=() if drive is None else ("drive",),
    )
