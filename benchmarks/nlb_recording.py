"""A recording in the structure of MC_Maze whose true rates are known: spikes of rotating latents,
as the two NWB files.

The latents are three planes that rotate at fixed frequencies under an envelope around movement
onset. Each of eight conditions has its phases; each trial deviates from them in phase and
amplitude, so that PSTHs do not tell all. Log-rates are linear in the latents; so is hand velocity,
100 ms later.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

CONDITIONS, FREQUENCIES_HZ, LAG_S = 8, np.array([0.7, 1.3, 2.2]), 0.1
PERIOD_S, BEFORE_S, LENGTH_S = 2.0, 0.8, 1.8
"""Of the train file: a trial starts every period, its movement so much later, and lasts so long."""
WINDOW_S, TEST_PERIOD_S = (-0.25, 0.45), 0.8
PHASE_STD, LOG_AMPLITUDE_STD, MEAN_HZ, WEIGHT_STD, SPEED = 0.5, 0.3, 5.0, 0.6, 150.0


@dataclass(frozen=True)
class MadeRecording:
    """Trials and neurons, and with them every rate.

    Attributes:
        condition: of each trial, (trials,).
        split: 'train', 'val' or 'test' of each trial, (trials,).
        phase, amplitude: of each plane in each trial, (trials, planes).
        weights: of log-rates, (latents, neurons); `offset`, (neurons,), in log spikes/s.
        to_velocity: (latents, 2) in mm/s.
        n_heldin: neurons shown; the others, after them, are held out.
    """

    condition: np.ndarray
    split: np.ndarray
    phase: np.ndarray
    amplitude: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    to_velocity: np.ndarray
    n_heldin: int

    @classmethod
    def draw(
        cls, trials: Mapping[str, int], n_heldin: int, n_heldout: int, seed: int
    ) -> "MadeRecording":
        """So many trials of each split, the conditions in turn, in random order."""
        rng, n_neurons = np.random.default_rng(seed), n_heldin + n_heldout
        split = np.repeat(list(trials), list(trials.values()))
        condition = np.concatenate(
            [rng.permutation(np.arange(n) % CONDITIONS) for n in trials.values()]
        )
        phases = rng.uniform(0, 2 * np.pi, (CONDITIONS, len(FREQUENCIES_HZ)))
        size = (len(split), len(FREQUENCIES_HZ))
        weights = WEIGHT_STD / np.sqrt(size[1]) * rng.normal(size=(2 * size[1], n_neurons))
        return cls(
            condition,
            split,
            phases[condition] + PHASE_STD * rng.normal(size=size),
            np.exp(LOG_AMPLITUDE_STD * rng.normal(size=size)),
            weights,
            np.log(MEAN_HZ * rng.gamma(2.0, 0.5, n_neurons)),
            SPEED * rng.normal(size=(2 * size[1], 2)),
            n_heldin,
        )

    def latents(self, trials: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        """(trials, time, latents) at times from movement onset."""
        envelope = 0.3 + np.exp(-0.5 * ((time_s - 0.1) / 0.25) ** 2)
        angle = 2 * np.pi * FREQUENCIES_HZ * time_s[:, None] + self.phase[trials, None]
        size = envelope[:, None] * self.amplitude[trials, None]
        return np.concatenate([size * np.cos(angle), size * np.sin(angle)], axis=2)

    def rates_hz(self, trials: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        """True rates in spikes/s, (trials, time, neurons)."""
        return np.exp(self.latents(trials, time_s) @ self.weights + self.offset)

    def velocity(self, trials: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        """Hand velocity in mm/s, (trials, time, 2)."""
        return self.latents(trials, time_s - LAG_S) @ self.to_velocity

    def binned(self, split: str, start_s: float, n_bins: int, bin_s: float) -> np.ndarray:
        """True rates in expected spikes per bin, (trials, bins, neurons), from so long after
        movement onset."""
        parts = 20
        time_s = start_s + bin_s * (np.arange(n_bins * parts) + 0.5) / parts
        rates = self.rates_hz(np.flatnonzero(self.split == split), time_s)
        return bin_s * rates.reshape(len(rates), n_bins, parts, -1).mean(axis=2)


def write_files(made: MadeRecording, folder: Path, seed: int) -> tuple[Path, Path]:
    """Write the train file (training and validation trials, behaviour, all units) and the test
    file; spikes are drawn."""
    rng = np.random.default_rng(seed)
    known, hidden = (np.flatnonzero((made.split == "test") == test) for test in (False, True))
    train = _write_train(made, known, folder / "sub-Made_desc-train_behavior+ecephys.nwb", rng)
    return train, _write_test(made, hidden, folder / "sub-Made_desc-test_ecephys.nwb", rng)


def _write_train(
    made: MadeRecording, trials: np.ndarray, path: Path, rng: np.random.Generator
) -> Path:
    starts = np.round(PERIOD_S * np.arange(len(trials)), 3)
    # on the grid of bins, so that bins of trials are bins of the truth
    onsets = np.round(starts + BEFORE_S + 0.02 * rng.integers(0, 5, len(trials)), 3)
    stops = np.round(starts + LENGTH_S, 3)
    columns = {
        "start_time": starts,
        "stop_time": stops,
        "move_onset_time": onsets,
        "split": made.split[trials].tolist(),
        "trial_type": made.condition[trials] // 2,
        "trial_version": made.condition[trials] % 2,
    }
    time_s, velocity = [], []
    for trial, start, onset in zip(trials, starts, onsets, strict=True):
        grid = start + np.arange(round(1000 * LENGTH_S)) / 1000
        time_s.append(grid)
        velocity.append(made.velocity(np.array([trial]), grid - onset)[0])
    spikes = _spikes(made, trials, starts, onsets, LENGTH_S, rng)
    signal = (np.round(np.concatenate(time_s), 3), np.concatenate(velocity))
    return _write(path, spikes, np.arange(len(made.offset)) >= made.n_heldin, columns, signal)


def _write_test(
    made: MadeRecording, trials: np.ndarray, path: Path, rng: np.random.Generator
) -> Path:
    """Windows side by side, held-in units alone, no conditions, no behaviour."""
    starts = np.round(TEST_PERIOD_S * np.arange(len(trials)), 3)
    onsets, length_s = np.round(starts - WINDOW_S[0], 3), WINDOW_S[1] - WINDOW_S[0]
    spikes = _spikes(made, trials, starts, onsets, length_s, rng)[: made.n_heldin]
    columns = {
        "start_time": starts,
        "stop_time": np.round(starts + length_s, 3),
        "move_onset_time": onsets,
        "split": ["test"] * len(trials),
    }
    return _write(path, spikes, np.zeros(made.n_heldin, bool), columns, None)


def _spikes(
    made: MadeRecording,
    trials: np.ndarray,
    starts: np.ndarray,
    onsets: np.ndarray,
    length_s: float,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Poisson spike times in seconds of each neuron, drawn in steps of 1 ms."""
    times: list[list[np.ndarray]] = [[] for _ in made.offset]
    steps = np.arange(round(1000 * length_s)) / 1000
    for trial, start, onset in zip(trials, starts, onsets, strict=True):
        rates = made.rates_hz(np.array([trial]), start + steps + 5e-4 - onset)[0]
        counts = rng.poisson(rates / 1000)
        for neuron, column in enumerate(counts.T):
            at = start + np.repeat(steps, column) + rng.uniform(0, 0.999e-3, column.sum())
            times[neuron].append(np.sort(np.round(at, 6)))
    return [np.concatenate(each) for each in times]


def _write(
    path: Path,
    spikes: Sequence[np.ndarray],
    heldout: np.ndarray,
    columns: Mapping[str, Any],
    hand_vel: tuple[np.ndarray, np.ndarray] | None,
) -> Path:
    """One NWB file; units are observed during trials."""
    from pynwb import NWBHDF5IO, NWBFile, TimeSeries

    nwb = NWBFile("made from rotating latents", path.stem, datetime(2024, 1, 1, tzinfo=UTC))
    intervals = np.stack([columns["start_time"], columns["stop_time"]], axis=1)
    nwb.add_unit_column("heldout", "held out in the test part")
    for row, times in enumerate(spikes):
        nwb.add_unit(
            id=row + 1, spike_times=times, obs_intervals=intervals, heldout=bool(heldout[row])
        )
    for name in list(columns)[2:]:
        nwb.add_trial_column(name, name)
    for row in range(len(intervals)):
        nwb.add_trial(**{name: values[row] for name, values in columns.items()})
    if hand_vel is not None:
        module = nwb.create_processing_module("behavior", "behaviour")
        times, values = hand_vel
        series = TimeSeries(
            name="hand_vel", data=values, unit="m/s", conversion=1e-3, timestamps=times
        )
        module.add(series)
    with NWBHDF5IO(str(path), "w") as writer:
        writer.write(nwb)
    return path
