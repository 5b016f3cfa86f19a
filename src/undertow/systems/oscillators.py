"""Stuart–Landau oscillators of known frequencies, seen through Poisson neurons."""

from collections.abc import Sequence
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

LEAST_CYCLES = 2
READOUT_LENGTH = 1.5


@dataclass(frozen=True, eq=False)
class Oscillators:
    """Coupled, noisy Stuart–Landau oscillators with complex states z; t is in seconds.

    dz_i = [λ(1 − |z_i|²) + 2πi f_i] z_i dt + Σ_j K_ij (z_j − z_i) dt + σ dW_i

    Alone and without noise, each goes round the unit circle at its own frequency. W_i is complex:
    its real and imaginary part are independent standard Wiener processes.

    Attributes:
        frequencies_hz: f, (oscillators,).
        readout: (neurons, 2 · oscillators): a neuron's log-rate is its product with [Re z, Im z],
            and an offset.
        coupling_per_s: K, (oscillators, oscillators); its diagonal has no effect.
        relaxation_per_s: λ: a small deviation from the unit circle decays at 2λ.
        noise: σ per √second.

    Raises:
        DataError: naming the array whose shape does not fit, or a number that is out of range.
    """

    frequencies_hz: np.ndarray
    readout: np.ndarray
    coupling_per_s: np.ndarray
    relaxation_per_s: float = 10.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        n = len(self.frequencies_hz)
        if not n or not all(np.isfinite(self.frequencies_hz)) or min(self.frequencies_hz) <= 0:
            raise DataError(
                f"frequencies_hz is {tuple(self.frequencies_hz)}: give at least one, all above "
                "zero."
            )
        if self.coupling_per_s.shape != (n, n) or not np.isfinite(self.coupling_per_s).all():
            raise DataError(
                f"coupling_per_s has shape {self.coupling_per_s.shape}: "
                f"for {n} frequencies it must be {n} × {n} finite numbers."
            )
        if self.readout.ndim != 2 or self.readout.shape[1] != 2 * n:
            raise DataError(
                f"readout has shape {self.readout.shape}: it must have {2 * n} columns."
            )
        relaxation = self.relaxation_per_s
        number("relaxation_per_s", relaxation, 0, above=True, unit="1/s", error=DataError)
        number("noise", self.noise, 0, error=DataError)

    @classmethod
    def random(
        cls,
        frequencies_hz: Sequence[float] = (2.0, 3.3, 5.1),
        coupling_per_s: Sequence[Sequence[float]] | np.ndarray | None = None,
        relaxation_per_s: float = 10.0,
        noise: float = 0.0,
        n_neurons: int = 50,
        seed: int = 0,
    ) -> "Oscillators":
        """Given oscillators behind a random readout; uncoupled where `coupling_per_s` is None."""
        n = len(frequencies_hz)
        coupling = np.zeros((n, n)) if coupling_per_s is None else np.array(coupling_per_s, float)
        generator = stream(seed, NETWORK_STREAM)
        readout = random_directions(n_neurons, 2 * max(n, 1), generator, READOUT_LENGTH)
        return cls(np.array(frequencies_hz, float), readout, coupling, relaxation_per_s, noise)

    def drift(self, z: np.ndarray) -> np.ndarray:
        """Drift per second at complex states z (…, oscillators)."""
        growth = self.relaxation_per_s * (1 - np.abs(z) ** 2) + 2j * np.pi * self.frequencies_hz
        drift: np.ndarray = growth * z + self._coupled(z)
        return drift

    def _coupled(self, z: np.ndarray) -> np.ndarray:
        pull: np.ndarray = z @ self.coupling_per_s.T - self.coupling_per_s.sum(1) * z
        return pull

    def path(
        self,
        start: np.ndarray,
        generator: np.random.Generator,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
    ) -> np.ndarray:
        """Complex states at the left edge of each bin, (trials, bins, oscillators).

        `start` are the first states, (trials, oscillators).

        A step turns and relaxes each oscillator exactly, then adds coupling (Euler) and noise.
        """
        dt = bin_s / steps_per_bin
        turn, decay = (
            np.exp(2j * np.pi * self.frequencies_hz * dt),
            np.exp(-2 * self.relaxation_per_s * dt),
        )
        z, states = start, np.empty((len(start), bins, start.shape[1]), complex)
        for k in range(bins * steps_per_bin):
            if k % steps_per_bin == 0:
                states[:, k // steps_per_bin] = z
            square = np.abs(z) ** 2
            # exact without coupling and noise: |z|² grows logistically, the phase turns evenly
            z = turn * z / np.sqrt(square + (1 - square) * decay)
            kick = generator.standard_normal((2, *z.shape))
            z = z + dt * self._coupled(z) + self.noise * np.sqrt(dt) * (kick[0] + 1j * kick[1])
        return states

    def latents(
        self,
        n_trials: int = 200,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
        seed: int = 0,
    ) -> np.ndarray:
        """The states behind `simulate` with the same arguments, from random phases.

        Every trial starts on the unit circle.

        Raises:
            DataError: naming the argument and its rule.
        """
        self._check(n_trials, bins, bin_s, steps_per_bin)
        generator = stream(seed, TRIALS_STREAM)
        phases = generator.uniform(0, 2 * np.pi, (n_trials, len(self.frequencies_hz)))
        return self.path(np.exp(1j * phases), generator, bins, bin_s, steps_per_bin)

    def _check(self, n_trials: int, bins: int, bin_s: float, steps_per_bin: int) -> None:
        check_sizes(n_trials, bins, bin_s, steps_per_bin)
        slowest, fastest = min(self.frequencies_hz), max(self.frequencies_hz)
        if slowest * bins * bin_s < LEAST_CYCLES - 1e-9:
            raise DataError(
                f"a trial of {bins * bin_s:g} s holds {slowest * bins * bin_s:.3g} cycles at "
                f"{slowest:g} Hz: it must hold {LEAST_CYCLES} or the frequency cannot be told; use "
                "more bins or a higher frequency."
            )
        if 2 * fastest * bin_s >= 1:
            raise DataError(
                f"{fastest:g} Hz is not below half the bin rate, {0.5 / bin_s:g} Hz: use narrower "
                "bins."
            )
        if np.abs(self.coupling_per_s).sum(1).max() * bin_s / steps_per_bin >= 0.5:
            raise DataError("coupling_per_s is too strong for the step: use more steps_per_bin.")

    def simulate(
        self,
        n_trials: int = 200,
        mean_rate_hz: float = 10.0,
        bins: int = 100,
        bin_s: float = 0.01,
        steps_per_bin: int = 10,
        seed: int = 0,
    ) -> TrialSet:
        """Poisson counts of trials of these oscillators, with `truth`.

        See `simulate_oscillators` for the arguments.
        """
        z = self.latents(n_trials, bins, bin_s, steps_per_bin, seed)
        states = np.concatenate([z.real, z.imag], axis=-1)
        return poisson_trials(states @ self.readout.T, mean_rate_hz, bin_s, seed)


def simulate_oscillators(
    frequencies_hz: Sequence[float] = (2.0, 3.3, 5.1),
    coupling_per_s: Sequence[Sequence[float]] | np.ndarray | None = None,
    relaxation_per_s: float = 10.0,
    noise: float = 0.0,
    n_trials: int = 200,
    n_neurons: int = 50,
    mean_rate_hz: float = 10.0,
    bins: int = 100,
    bin_s: float = 0.01,
    steps_per_bin: int = 10,
    seed: int = 0,
) -> TrialSet:
    """Simulate Stuart–Landau oscillators of known frequencies, seen through Poisson neurons.

        dz_i = [λ(1 − |z_i|²) + 2πi f_i] z_i dt + Σ_j K_ij (z_j − z_i) dt + σ dW_i

    Every trial starts at random phases on the unit circle. A neuron's log-rate is a random
    direction of length 1.5 in the oscillators' real and imaginary parts, and an offset that fixes
    its mean rate over the set. States are held over each bin, from its left edge. The oscillators
    themselves, with their frequencies and states, are `Oscillators.random(...)` with the same first
    arguments and seed.

    Args:
        frequencies_hz: f; a trial must hold two cycles of the slowest.
        coupling_per_s: K, one row per oscillator; None for uncoupled ones.
        relaxation_per_s: λ.
        noise: σ per √second.
        n_trials: number of trials.
        n_neurons: number of neurons.
        mean_rate_hz: every neuron's mean true rate, spikes/s.
        bins: bins per trial.
        bin_s: bin width in seconds.
        steps_per_bin: steps per bin.
        seed: of readout, phases, noise and spikes.

    Returns:
        Trials with `truth` in spikes/s.

    Raises:
        DataError: naming the argument and its rule.
    """
    planted = Oscillators.random(
        frequencies_hz, coupling_per_s, relaxation_per_s, noise, n_neurons, seed
    )
    return planted.simulate(n_trials, mean_rate_hz, bins, bin_s, steps_per_bin, seed)
