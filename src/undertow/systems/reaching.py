"""Centre-out reaches seen through Poisson neurons: a set made to look like motor cortex."""

from typing import NamedTuple

import numpy as np

from undertow.checks import number, whole
from undertow.data import TrialSet
from undertow.errors import DataError
from undertow.systems.lorenz import rates_with_mean
from undertow.systems.populations import (
    NETWORK_STREAM,
    SPIKES_STREAM,
    TRIALS_STREAM,
    random_directions,
)

DISTANCE_MM, DURATION_S, LEAD_S = 80.0, 0.3, 0.1
"""Of a reach on average; by how much neurons lead the hand."""
TURN_HZ, PLANES, DEPTH = 2.0, 2, 1.2
"""Rotations that preparation sets off, and the standard deviation of the log-rates."""
CHANNELS = ("hand_pos_x", "hand_pos_y", "hand_vel_x", "hand_vel_y")


class Reaches(NamedTuple):
    """Minimum-jerk reaches from the centre, each of its own direction, distance and duration.

    Attributes:
        angle: direction in radians, (trials,).
        distance_mm: (trials,).
        duration_s: (trials,).
    """

    angle: np.ndarray
    distance_mm: np.ndarray
    duration_s: np.ndarray

    @classmethod
    def drawn(cls, angle: np.ndarray, spread: float, generator: np.random.Generator) -> "Reaches":
        """Reaches that vary around these directions, `spread` times their mean."""
        n = len(angle)
        factors = np.exp(spread * generator.standard_normal((2, n)))
        turned = angle + spread * generator.standard_normal(n)
        return cls(turned, DISTANCE_MM * factors[0], DURATION_S * factors[1])

    @property
    def _direction(self) -> np.ndarray:
        return np.stack([np.cos(self.angle), np.sin(self.angle)], axis=-1)

    def position_mm(self, time_s: np.ndarray) -> np.ndarray:
        """Positions at times after the onset, (trials, time, 2)."""
        s = np.clip(time_s / self.duration_s[:, None], 0.0, 1.0)
        along = self.distance_mm[:, None] * s**3 * (10 - 15 * s + 6 * s**2)
        return np.asarray(along[..., None] * self._direction[:, None])

    def velocity_mm_s(self, time_s: np.ndarray) -> np.ndarray:
        """Velocities at times after the onset, (trials, time, 2)."""
        s = np.clip(time_s / self.duration_s[:, None], 0.0, 1.0)
        peak = (self.distance_mm / self.duration_s)[:, None]
        return np.asarray((peak * 30 * s**2 * (1 - s) ** 2)[..., None] * self._direction[:, None])


def simulate_maze_like(
    conditions: int = 8,
    trials_per_condition: int = 15,
    n_neurons: int = 100,
    mean_rate_hz: float = 10.0,
    bins: int = 25,
    bin_s: float = 0.02,
    start_s: float = -0.2,
    variability: float = 0.15,
    seed: int = 0,
) -> TrialSet:
    """Simulate reaches to targets on a circle, and neurons that drive them.

    Made, not recorded: sizes and words are those of a maze recording, so that every step from
    spikes to decoded velocity can be tried. Each trial is a minimum-jerk reach whose direction,
    distance and duration vary around those of its target. Seven latents drive the log-rates
    through random weights: the hand's velocity and speed 0.1 s later, and two planes that
    preparation for the target sets turning around the onset of the movement. An offset fixes each
    neuron's mean rate.

    Args:
        conditions: targets, evenly spaced on a circle.
        trials_per_condition: trials of each target, in random order.
        n_neurons: number of neurons.
        mean_rate_hz: every neuron's mean true rate, spikes/s.
        bins: bins per trial.
        bin_s: bin width in seconds.
        start_s: start of the first bin, in seconds from the onset of the movement.
        variability: standard deviation between trials of one target: of the direction in radians,
            of distance and duration as a share.
        seed: of weights, reaches and spikes.

    Returns:
        Trials with `condition`, `truth` in spikes/s and behaviour: hand position in mm and velocity
        in mm/s at bin centres. Neurons held out are yours to choose (`hold_out`).

    Raises:
        DataError: for a number that is out of range.
    """
    counts = {
        "conditions": conditions,
        "trials_per_condition": trials_per_condition,
        "n_neurons": n_neurons,
        "bins": bins,
    }
    for name, count in counts.items():
        whole(name, count, 1, error=DataError)
    for name, value in (("mean_rate_hz", mean_rate_hz), ("bin_s", bin_s)):
        number(name, value, 0, above=True, error=DataError)
    number("variability", variability, 0, 1, error=DataError)
    drawn = np.random.default_rng([seed, TRIALS_STREAM])
    condition = drawn.permutation(np.repeat(np.arange(conditions), trials_per_condition))
    reaches = Reaches.drawn(2 * np.pi * condition / conditions, variability, drawn)
    time_s = start_s + bin_s * (np.arange(bins) + 0.5)
    latents = _latents(reaches, time_s)
    weights = random_directions(
        n_neurons, latents.shape[-1], np.random.default_rng([seed, NETWORK_STREAM]), DEPTH
    )
    truth = rates_with_mean(latents @ weights.T, mean_rate_hz)
    return TrialSet(
        spikes=np.random.default_rng([seed, SPIKES_STREAM]).poisson(truth * bin_s),
        bin_s=bin_s,
        start_s=start_s,
        event="movement onset",
        condition=condition,
        truth=truth,
        behavior=np.concatenate([reaches.position_mm(time_s), reaches.velocity_mm_s(time_s)], -1),
        behavior_names=CHANNELS,
    )


def _latents(reaches: Reaches, time_s: np.ndarray) -> np.ndarray:
    """What drives the neurons, (trials, time, 7), of order 1."""
    fastest = 1.875 * DISTANCE_MM / DURATION_S
    velocity = reaches.velocity_mm_s(time_s + LEAD_S) / fastest
    speed = np.linalg.norm(velocity, axis=-1, keepdims=True)
    # preparation holds the state still; it turns once the movement is about to start
    turned = 2 * np.pi * TURN_HZ * np.maximum(time_s + LEAD_S, 0.0)
    fading = np.exp(-np.maximum(time_s, 0.0) / DURATION_S)[:, None]
    planes = []
    for k in range(1, PLANES + 1):
        phase = k * reaches.angle[:, None] + turned
        planes.append(fading * np.stack([np.cos(phase), np.sin(phase)], axis=-1))
    return np.concatenate([velocity, speed, *planes], axis=-1)
