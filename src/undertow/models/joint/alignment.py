"""Where read-ins start: channels that mean the same in every session, by condition averages.

Pandarinath et al. (2018), multi-session LFADS, align read-ins by regressing each session's
condition averages on principal components of all sessions'. Here single trials are regressed on
them, so that neurons count by what their spikes tell in a single bin.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d

from undertow.data import TrialSet
from undertow.encoders import ReadIn
from undertow.evaluation.metrics.ridge import ridge_left_one_out
from undertow.memory import blocks

SMOOTHING_S = 0.04
"""Standard deviation of the kernel that averages are smoothed with."""
MOST_COMPONENTS, VARIANCE = 16, 0.95
"""Channels that are aligned: as many as explain this much of the averages, at most so many."""
LEAST_TRIALS = 2
"""Of a condition in every session."""
ALPHAS = np.logspace(0, 6, 13)
ROWS = 2**22
"""Numbers read at once."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """Averages that all sessions have in common, in coordinates of their own.

    Attributes:
        conditions: their names; a single None where sessions have no conditions in common, and all
            trials are averaged.
        targets: (conditions, time, components), each of mean 0 and variance 1.
        start_s, event: where the window begins.
    """

    conditions: list[Any]
    targets: np.ndarray
    start_s: float
    event: str

    @classmethod
    def of(cls, sessions: Mapping[str, TrialSet], channels: int) -> "Alignment | None":
        """Find what these sessions' averages have in common, in at most so many components.

        None where their windows begin apart, or in irregular times: bins then have no counterpart.
        """
        first, *others = sessions.values()
        if first.times is not None or any(not _alike(first, each) for each in others):
            return None
        conditions = common_conditions(sessions.values())
        n_time = min(each.n_time - each.forward_bins for each in sessions.values())
        averages = [
            _normalised(condition_averages(each, conditions, n_time)) for each in sessions.values()
        ]
        together = np.concatenate(averages, -1).reshape(len(conditions) * n_time, -1)
        left, values, _ = np.linalg.svd(together - together.mean(0), full_matrices=False)
        explained = np.cumsum(values**2) / max(np.sum(values**2), 1e-30)
        count = int(np.searchsorted(explained, VARIANCE)) + 1
        count = min(count, channels, MOST_COMPONENTS, int(np.sum(values > 1e-6 * values[0])))
        if not count:
            return None
        targets = left[:, :count] * np.sqrt(len(left))
        shape = (len(conditions), n_time, count)
        return cls(conditions, targets.reshape(shape), first.start_s, first.event)

    def fits(self, trials: TrialSet) -> bool:
        """Whether these trials can be aligned: their windows begin alike, with known conditions."""
        begins = (trials.start_s, trials.event) == (self.start_s, self.event)
        return trials.times is None and begins and bool((self._rows(trials) >= 0).any())

    def _rows(self, trials: TrialSet) -> np.ndarray:
        """Condition of each trial, −1 for one that is none of these."""
        if self.conditions == [None]:
            return np.zeros(trials.n_trials, int)
        if trials.condition is None:
            return np.full(trials.n_trials, -1)
        place = {name: k for k, name in enumerate(self.conditions)}
        return np.array([place.get(name, -1) for name in trials.condition.tolist()])

    def read_in(self, trials: TrialSet) -> tuple[np.ndarray, np.ndarray]:
        """Regress the components on the held-in counts of single bins.

        Returns:
            weights (held-in, components) and offsets (components,), of channels of variance 1.
        """
        found, kept = self._rows(trials), ~trials.heldout
        used = np.flatnonzero(found >= 0)
        n_time = min(self.targets.shape[1], trials.n_time - trials.forward_bins)
        usual = np.nan_to_num(trials.mean_rates * trials.bin_s)[kept]

        def rows() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for part in blocks(len(used), n_time * len(usual), ROWS):
                counts = trials.spikes[used[part], :n_time][:, :, kept].astype(np.float64)
                counts = np.where(np.isnan(counts), usual, counts)
                y = self.targets[found[used[part]], :n_time]
                yield counts.reshape(-1, len(usual)), y.reshape(-1, y.shape[-1])

        fitted = ridge_left_one_out(rows, ALPHAS)
        squares = [np.square(x @ fitted.weights + fitted.offset).mean(0) for x, _ in rows()]
        scale = np.sqrt(np.maximum(np.mean(squares, 0), 1e-12))
        return fitted.weights / scale, fitted.offset / scale


def start_read_in(
    read_in: ReadIn, trials: TrialSet, alignment: Alignment | None, generator: torch.Generator
) -> None:
    """Start a read-in at aligned channels, and at random ones of variance 1 for the rest."""
    kept = ~trials.heldout
    mean, std = _moments(trials)
    weights = torch.randn(len(mean), read_in.channels, generator=generator).numpy()
    weights = weights / (np.sqrt(len(mean)) * std[:, None])
    offsets = -mean @ weights
    if alignment is not None and alignment.fits(trials):
        aligned, offset = alignment.read_in(trials)
        count = min(aligned.shape[1], read_in.channels)
        weights[:, :count], offsets[:count] = aligned[:, :count], offset[:count]
    n = int(kept.sum())
    with torch.no_grad():
        linear = read_in.linear
        linear.weight.zero_()  # further inputs, which say what counts are known, start at nothing
        linear.weight[:, :n] = torch.from_numpy(weights.T).to(linear.weight)
        linear.bias.copy_(torch.from_numpy(offsets).to(linear.bias))


def common_conditions(sessions: Any) -> list[Any]:
    """Conditions with at least two trials in every session; [None] where there are none."""
    kept: set[Any] | None = None
    for trials in sessions:
        if trials.condition is None:
            return [None]
        names, counts = np.unique(trials.condition, return_counts=True)
        own = {n for n, k in zip(names.tolist(), counts, strict=True) if k >= LEAST_TRIALS}
        kept = own if kept is None else kept & own
    return sorted(kept, key=str) if kept else [None]


def condition_averages(trials: TrialSet, conditions: list[Any], n_time: int) -> np.ndarray:
    """Average each condition's held-in counts, smoothed, (conditions, time, neurons)."""
    window = np.arange(n_time)
    usual = np.nan_to_num(trials.mean_rates * trials.bin_s)[~trials.heldout]
    found = np.empty((len(conditions), n_time, len(usual)))
    for k, name in enumerate(conditions):
        rows = slice(None) if name is None else np.flatnonzero(trials.condition == name)
        counts = trials.spikes[rows][:, window][:, :, ~trials.heldout]
        known = ~np.isnan(counts)
        total, n = np.where(known, counts, 0.0).sum(0), known.sum(0)
        found[k] = np.where(n > 0, total / np.maximum(n, 1), usual)
    width = SMOOTHING_S / trials.bin_s
    smoothed: np.ndarray = gaussian_filter1d(found, width, axis=1, mode="nearest")
    return smoothed


def _normalised(averages: np.ndarray) -> np.ndarray:
    """Neurons about their mean, in units that let strong ones count more, but not by much."""
    centred = averages - averages.mean((0, 1))
    spread = np.sqrt(averages.mean((0, 1)))
    found: np.ndarray = centred / (spread + spread.mean() + 1e-12) / np.sqrt(averages.shape[-1])
    return found


def _moments(trials: TrialSet) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of the held-in counts in a bin, (held-in,) each."""
    counts = trials.spikes[:, :, ~trials.heldout]
    known = ~np.isnan(counts)
    n = np.maximum(known.sum((0, 1)), 1)
    total = np.where(known, counts, 0.0)
    mean = total.sum((0, 1), dtype=np.float64) / n
    var = np.square(total).sum((0, 1), dtype=np.float64) / n - mean**2
    # a silent neuron has no spread: its spike, should one come, counts as that of a slow one
    return mean, np.sqrt(np.maximum(var, 1e-3))


def _alike(one: TrialSet, other: TrialSet) -> bool:
    return (one.start_s, one.event) == (other.start_s, other.event)
