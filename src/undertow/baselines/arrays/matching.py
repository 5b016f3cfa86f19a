"""Matching of spikes with a library of trajectories, by the Poisson likelihood of each state."""

from dataclasses import dataclass

import numpy as np

HALVINGS = 8
"""By so many the place between two states is found."""
COPIES = 8
"""Arrays that matching holds at once."""


@dataclass(frozen=True, eq=False)
class Library:
    """Trajectories of expected counts, one for each condition.

    Attributes:
        counts: expected spikes per bin, above zero, (conditions, time, neurons).
        window: bins before and after a bin whose spikes are matched.
        jitter: how many bins a state may be away from the bin's own.
    """

    counts: np.ndarray
    window: int
    jitter: int

    @classmethod
    def of(cls, counts: np.ndarray, window: int, jitter: int) -> "Library":
        """No further than the trajectories are long."""
        last = counts.shape[1] - 1
        return cls(counts, min(window, last), min(jitter, last))

    def bytes_of_a_trial(self, n_time: int) -> float:
        """What it takes to match a trial of so many bins."""
        n_conditions, _, n_neurons = self.counts.shape
        states = n_conditions * (2 * self.jitter + 1)
        return 8.0 * COPIES * n_time * (states + n_neurons * (2 * self.window + 1))

    def at(self, shift: int, n_time: int) -> np.ndarray:
        """So many bins of the trajectories, each `shift` bins later, ends repeated."""
        bins = np.clip(np.arange(n_time) + shift, 0, self.counts.shape[1] - 1)
        return self.counts[:, bins]


@dataclass(frozen=True, eq=False)
class Matched:
    """Which states of a library the bins of some trials are.

    Attributes:
        weights: of each condition, shift and bin, (trials, time, conditions, shifts); they sum to
            one over conditions and shifts.
        shifts: bins by which states are later than the bin's own time, (shifts,).
    """

    weights: np.ndarray
    shifts: np.ndarray

    @property
    def condition_shares(self) -> np.ndarray:
        """Weight of each condition, (trials, time, conditions)."""
        found: np.ndarray = self.weights.sum(-1)
        return found

    def read(self, values: np.ndarray) -> np.ndarray:
        """What belongs to the states, (trials, time, columns).

        Args:
            values: of each state of the library, (conditions, time, columns).
        """
        n_time = self.weights.shape[1]
        read = np.zeros((*self.weights.shape[:2], values.shape[2]))
        for place, shift in enumerate(self.shifts):
            bins = np.clip(np.arange(n_time) + shift, 0, values.shape[1] - 1)
            weights = self.weights[..., place].transpose(1, 0, 2)
            read += (weights @ values[:, bins].transpose(1, 0, 2)).transpose(1, 0, 2)
        return read


def match(library: Library, counts: np.ndarray, estimate: str) -> Matched:
    """Match each bin of trials with the library.

    Args:
        library: of the same neurons.
        counts: (trials, time, neurons), NaN where not observed.
        estimate: 'average' or 'interpolate', see `MINT`.
    """
    shifts = np.arange(-library.jitter, library.jitter + 1)
    logs = np.stack([window_log_likelihood(library, counts, int(shift)) for shift in shifts], -1)
    if estimate == "average":
        flat = logs.reshape(*logs.shape[:2], -1)
        weights = np.exp(flat - flat.max(-1, keepdims=True))
        weights = (weights / weights.sum(-1, keepdims=True)).reshape(logs.shape)
    else:
        weights = _interpolated(library, counts, logs, shifts)
    source = _nearest_seen(counts, library.window)
    return Matched(np.take_along_axis(weights, source[..., None, None], axis=1), shifts)


def _nearest_seen(counts: np.ndarray, window: int) -> np.ndarray:
    """The last bin up to each one that has spikes to match in its window, (trials, time).

    Bins that have none, and those after the last spikes that were seen, go on along the trajectory:
    what is left in their windows tells less than all that is in the last one's. Those before the
    first take its.
    """
    seen, bins = np.isfinite(counts).any(-1), np.arange(counts.shape[1])
    known = _over_window(seen[..., None].astype(float), window)[..., 0] > 0
    known &= np.maximum.accumulate(seen, axis=1)
    known &= np.maximum.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
    first = np.where(known.any(1), known.argmax(1), 0)
    latest = np.maximum.accumulate(np.where(known, bins, -1), axis=1)
    return np.where(latest < 0, first[:, None], latest)


def window_log_likelihood(library: Library, counts: np.ndarray, shift: int) -> np.ndarray:
    """Log-likelihood of the spikes around each bin under states `shift` bins later than its own.

    Terms that no state changes are left out; (trials, time, conditions).
    """
    expected = library.at(shift, counts.shape[1])
    return _over_window(_log_likelihood(expected, counts), library.window)


def _log_likelihood(expected: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Log-likelihood of each bin's spikes under each trajectory, (trials, time, conditions)."""
    seen = np.isfinite(counts)
    spikes = np.where(seen, counts, 0.0)
    by_bin = expected.transpose(1, 2, 0)
    found = (
        spikes.transpose(1, 0, 2) @ np.log(by_bin) - seen.astype(float).transpose(1, 0, 2) @ by_bin
    )
    return np.ascontiguousarray(found.transpose(1, 0, 2))


def _over_window(values: np.ndarray, window: int) -> np.ndarray:
    """Sums over so many bins to each side along the second axis, ends cut off."""
    total = np.cumsum(np.concatenate([np.zeros_like(values[:, :1]), values], 1), axis=1)
    n_time = values.shape[1]
    first = np.maximum(np.arange(n_time) - window, 0)
    last = np.minimum(np.arange(n_time) + window + 1, n_time)
    sums: np.ndarray = total[:, last] - total[:, first]
    return sums


def _interpolated(
    library: Library, counts: np.ndarray, logs: np.ndarray, shifts: np.ndarray
) -> np.ndarray:
    """Weights of the best state of each of the two best conditions, by where between them the
    spikes of the window are likeliest."""
    n_trials, n_time, n_conditions, _ = logs.shape
    best_shift = logs.argmax(-1)
    by_condition = logs.max(-1)
    order = np.argsort(-by_condition, axis=-1, kind="stable")
    first, second = order[..., 0], order[..., min(1, n_conditions - 1)]
    weights = np.zeros_like(logs)
    trial, time = np.ogrid[:n_trials, :n_time]
    pick = [(each, best_shift[trial, time, each]) for each in (first, second)]
    share = _best_share(library, counts, pick, shifts)
    for (condition, place), own in zip(pick, (1 - share, share), strict=True):
        np.add.at(weights, (trial, time, condition, place), own)
    return weights


def _best_share(
    library: Library,
    counts: np.ndarray,
    pick: list[tuple[np.ndarray, np.ndarray]],
    shifts: np.ndarray,
) -> np.ndarray:
    """How far from the first state to the second the spikes of the window are likeliest.

    The likelihood is concave along the line: where its slope vanishes is found by halving.
    """
    n_time, last = counts.shape[1], library.counts.shape[1] - 1
    near = np.arange(n_time) + np.arange(-library.window, library.window + 1)[:, None]
    spikes = counts[:, np.clip(near, 0, n_time - 1)]  # (trials, window, time, neurons)
    seen = np.isfinite(spikes) & ((near >= 0) & (near < n_time))[..., None]
    spikes = np.where(seen, spikes, 0.0)
    first, second = (
        library.counts[condition[:, None], np.clip(near + shifts[place][:, None], 0, last)]
        for condition, place in pick
    )
    moved = second - first
    expected = (moved * seen).sum((1, 3))

    def rises(share: np.ndarray) -> np.ndarray:
        between = first + share[:, None, :, None] * moved
        found: np.ndarray = (spikes * moved / between).sum((1, 3)) > expected
        return found

    low, high = np.zeros(expected.shape), np.ones(expected.shape)
    ends = ~rises(low), rises(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        upwards = rises(middle)
        low, high = np.where(upwards, middle, low), np.where(upwards, high, middle)
    return np.where(ends[0], 0.0, np.where(ends[1], 1.0, (low + high) / 2))
