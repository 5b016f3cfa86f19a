"""A driven, noisy rate network seen through Poisson neurons (ElGazzar & van Gerven, eq. 13)."""

from dataclasses import dataclass

import numpy as np

from undertow.checks import number
from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.systems.populations import (
    NETWORK_STREAM,
    TRIALS_STREAM,
    check_sizes,
    poisson_trials,
    random_directions,
    stream,
)

SPECTRAL_RADIUS, TURN, THIRD = 2.5, 0.9, 0.5


@dataclass(frozen=True, eq=False)
class RateNetwork:
    """A noisy rate network with input u, whose activity x neurons read through R.

    dx = δ⁻¹(−x + tanh(A x + B u)) dt + σ dW, t in seconds.

    Attributes:
        recurrent: A, (populations, populations).
        input_weights: B, (populations, 1).
        timescales_s: δ, (populations,).
        readout: R, (neurons, populations): a neuron's log-rate is R x and an offset.
        noise: σ per √second, of every population.

    Raises:
        DataError: naming the array whose shape does not fit, or a timescale or noise that is out of
            range.
    """

    recurrent: np.ndarray
    input_weights: np.ndarray
    timescales_s: np.ndarray
    readout: np.ndarray
    noise: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.timescales_s)
        shapes = {"recurrent": (n, n), "input_weights": (n, 1), "readout": (len(self.readout), n)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise DataError(
                    f"{name} has shape {getattr(self, name).shape}: with {n} timescales it must "
                    f"have {shape}."
                )
        if not (np.asarray(self.timescales_s) > 0).all():
            raise DataError(
                f"timescales_s is {tuple(self.timescales_s)}: all must be above zero, in seconds."
            )
        number("noise", self.noise, 0, error=DataError)

    @classmethod
    def random(cls, n_neurons: int = 50, noise: float = 1.0, seed: int = 0) -> "RateNetwork":
        """Three populations that, left alone, go round a limit cycle about once a second.

        See `simulate_rate_network`.
        """
        generator = stream(seed, NETWORK_STREAM)
        # an orthonormal frame keeps the eigenvalues of the core
        frame = np.linalg.qr(generator.standard_normal((3, 3)))[0]
        cos, sin = SPECTRAL_RADIUS * np.cos(TURN), SPECTRAL_RADIUS * np.sin(TURN)
        core = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, THIRD]])
        input_weights = generator.standard_normal((3, 1))
        readout = random_directions(n_neurons, 3, generator)
        return cls(frame @ core @ frame.T, input_weights, np.array([0.1, 0.2, 0.3]), readout, noise)

    def drift(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Drift per second at activity x (…, populations) under input u (…, 1)."""
        target = np.tanh(x @ self.recurrent.T + u @ self.input_weights.T)
        drift: np.ndarray = (target - x) / self.timescales_s
        return drift

    def path(
        self,
        start: np.ndarray,
        frequency_hz: np.ndarray,
        phase: np.ndarray,
        generator: np.random.Generator,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Activity and input sin(2π f t + φ) at the left edge of each bin, by Euler–Maruyama.

        Args:
            start: x(0), (trials, populations).
            frequency_hz, phase: f and φ of each trial, (trials,).
            generator: of the process noise.

        Returns:
            (trials, bins, populations) and (trials, bins, 1).
        """
        dt = bin_s / steps_per_bin
        time_s = np.arange(bins * steps_per_bin) * dt
        inputs = np.sin(2 * np.pi * frequency_hz[:, None] * time_s + phase[:, None])[..., None]
        x, states = start, np.empty((len(start), bins, start.shape[1]))
        for k in range(len(time_s)):
            if k % steps_per_bin == 0:
                states[:, k // steps_per_bin] = x
            kick = generator.standard_normal(x.shape)
            x = x + dt * self.drift(x, inputs[:, k]) + self.noise * np.sqrt(dt) * kick
        return states, inputs[:, ::steps_per_bin]

    def latents(
        self,
        n_trials: int = 300,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
        input_hz: tuple[float, float] = (1.0, 4.0),
        seed: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """The activity and input behind `simulate` with the same arguments.

        x(0) ~ N(0, I); frequency f and phase φ are random.

        Returns:
            (trials, bins, populations) and (trials, bins, 1), at the left edge of each bin.

        Raises:
            DataError: naming the argument and its rule.
        """
        check_sizes(n_trials, bins, bin_s, steps_per_bin)
        if len(input_hz) != 2 or not 0 <= input_hz[0] <= input_hz[1] < np.inf:
            raise DataError(
                f"input_hz is {tuple(input_hz)}: it must be the lowest and highest frequency, in "
                "Hz."
            )
        if bin_s / steps_per_bin > min(self.timescales_s):
            raise DataError(
                f"a step of {bin_s / steps_per_bin:g} s is longer than the shortest timescale, "
                f"{min(self.timescales_s):g} s: use more steps_per_bin."
            )
        generator = stream(seed, TRIALS_STREAM)
        frequency_hz = generator.uniform(*input_hz, n_trials)
        phase = generator.uniform(0, 2 * np.pi, n_trials)
        start = generator.standard_normal((n_trials, len(self.timescales_s)))
        return self.path(start, frequency_hz, phase, generator, bins, bin_s, steps_per_bin)

    def simulate(
        self,
        n_trials: int = 300,
        mean_rate_hz: float = 10.0,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
        input_hz: tuple[float, float] = (1.0, 4.0),
        seed: int = 0,
    ) -> TrialSet:
        """Poisson counts of trials of this network, with `truth` and `stimulus`.

        See `simulate_rate_network` for the arguments.
        """
        states, inputs = self.latents(n_trials, bins, bin_s, steps_per_bin, input_hz, seed)
        return poisson_trials(states @ self.readout.T, mean_rate_hz, bin_s, seed, inputs)


def simulate_rate_network(
    noise: float = 1.0,
    n_trials: int = 300,
    n_neurons: int = 50,
    mean_rate_hz: float = 10.0,
    bins: int = 100,
    bin_s: float = 0.01,
    steps_per_bin: int = 10,
    input_hz: tuple[float, float] = (1.0, 4.0),
    seed: int = 0,
) -> TrialSet:
    """Simulate three populations under a sinusoidal input, seen through Poisson neurons.

        x(0) ~ N(0, I);  dx = δ⁻¹(−x + tanh(A x + B u)) dt + σ dW;  y ~ Poisson(exp(R x + offset))

    (ElGazzar & van Gerven, eq. 13). The paper gives neither A, B, δ, R nor the length and number of
    trials. Chosen here: δ = 0.1, 0.2 and 0.3 s; A with eigenvalues 2.5 exp(±0.9 i) and 0.5 in a
    random frame, so that without noise and input the activity goes round a limit cycle; B standard
    normal; R's rows random directions of length 1; each neuron's offset fixes its mean rate over
    the set. t is in seconds, and at σ = 1 the noise moves the activity about as much as start and
    input do. No rate is capped: with the defaults and σ up to 2, 99.9 % of the rates lie below
    150 spikes/s and the largest, from a far start, at 250 to 500. States are held over each bin,
    from its left edge.

    The network itself, for its drift and its activity, is `RateNetwork.random(n_neurons, noise,
    seed)`; the same seed at another noise keeps network, starts and inputs.

    Args:
        noise: σ per √second; the paper uses 0, 0.5, 1 and 2.
        n_trials: number of trials.
        n_neurons: number of neurons.
        mean_rate_hz: every neuron's mean true rate, spikes/s.
        bins: bins per trial.
        bin_s: bin width in seconds.
        steps_per_bin: Euler–Maruyama steps per bin.
        input_hz: lowest and highest frequency of the input, drawn evenly per trial, as is its
            phase.
        seed: of network, starts, inputs, noise and spikes.

    Returns:
        Trials with `truth` in spikes/s and `stimulus` 'drive', the input at each bin's left edge.

    Raises:
        DataError: naming the argument and its rule.
    """
    network = RateNetwork.random(n_neurons, noise, seed)
    return network.simulate(n_trials, mean_rate_hz, bins, bin_s, steps_per_bin, input_hz, seed)
