"""Poisson regression from smoothed held-in spikes to held-out neurons.

Width, floor and penalty are chosen by how well they predict spikes not seen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation.metrics.arrays import row_blocks
from undertow.evaluation.metrics.likelihood import bits_per_spike, negative_log_likelihood
from undertow.evaluation.metrics.poisson_blocks import LARGE, BlockedPoissonDesign, compact
from undertow.evaluation.metrics.poisson_regression import (
    PoissonDesign,
    PoissonRegression,
)
from undertow.evaluation.metrics.psth import gaussian_smooth
from undertow.names import shown

Grid = float | Sequence[float]
BINS_TO_CHOOSE, NEURONS_TO_CHOOSE = 10_000, 40
ENTRIES_TO_CHOOSE = 2**23
"""Counts on which a choice is made that takes all bins, or all neurons, where there are no more."""
HELD = 2**25
"""Counts up to which smoothed rates are held in double precision, not made again when needed."""
LEAST, MOST = 1e-9, 1e9


class Choice(NamedTuple):
    """One point of the grid."""

    width_s: float
    floor_hz: float
    penalty: float


def grid_of(width_s: Grid, floor_hz: Grid, penalty: Grid, regression: bool) -> list[Choice]:
    """All combinations of values, with penalty 0 where there is no regression.

    Raises:
        ModelError: for values that are not numbers above zero, or none, or far from any use.
    """
    widths, floors = grid_values("width_s", width_s), grid_values("floor_hz", floor_hz)
    penalties = grid_values("penalty", penalty)
    return [Choice(*point) for point in product(widths, floors, penalties if regression else [0.0])]


def grid_values(name: str, grid: Any) -> list[float]:
    """The values of a grid, or the one value."""
    try:
        values = np.atleast_1d(np.asarray(grid, dtype=np.float64))
    except (TypeError, ValueError, OverflowError):
        values = np.array([])
    if values.ndim != 1 or values.size == 0 or not ((values >= LEAST) & (values <= MOST)).all():
        raise ModelError(
            f"{name} is {shown(grid)}: it must be a number, or several, from {LEAST:g} to {MOST:g}."
        )
    return values.tolist()


@dataclass(frozen=True, eq=False)
class HeldInSmoother:
    """Held-in spikes of trials, smoothed.

    Attributes:
        mean_rates: of the held-in neurons in spikes/s, (held-in,): where nothing near was observed.
        causal: look at no later bin.
    """

    mean_rates: np.ndarray
    causal: bool = False

    def __call__(self, trials: TrialSet, width_s: float, centre: bool = True) -> np.ndarray:
        """Rates in the window, spikes/s, (trials, window, held-in).

        `centre` is as in `gaussian_smooth`.
        """
        return np.concatenate([rates for _, rates in self.blocks(trials, width_s, centre)])

    def blocks(
        self, trials: TrialSet, width_s: float, centre: bool = True, every: int = 1
    ) -> Iterator[tuple[slice, np.ndarray]]:
        """The same some trials at a time, with their place; or of every so manieth trial."""
        counts = trials.spikes[::every]
        for part in row_blocks(counts):
            given = _window_counts(trials, ~trials.heldout, counts[part]).astype(np.float64)
            rates = gaussian_smooth(given, width_s, trials.bin_s, centre, past=self.causal)
            rates /= trials.bin_s
            yield part, np.where(np.isnan(rates), self.mean_rates, rates)

    def rows(self, trials: TrialSet, width_s: float, every: int = 1) -> Iterator[np.ndarray]:
        """Rates of every so manieth bin inside the trials, blocks of (bins, held-in)."""
        inside = _inside(trials)
        if every == 1:
            for part, rates in self.blocks(trials, width_s):
                yield rates[inside[part]]
            return
        first = 0
        for trial, bins in enumerate(map(np.flatnonzero, inside)):
            chosen, first = bins[-first % every :: every], first + len(bins)
            spikes = trials.spikes[trial : trial + 1]
            given = _window_counts(trials, ~trials.heldout, spikes).astype(np.float64)
            smooth = gaussian_smooth(given, width_s, trials.bin_s, bins=chosen, past=self.causal)
            rates = smooth[0] / trials.bin_s
            yield np.where(np.isnan(rates), self.mean_rates, rates)


def heldout_counts(trials: TrialSet) -> np.ndarray:
    """Spikes of held-out neurons in the window, (trials, window, held-out)."""
    return _window_counts(trials, trials.heldout, trials.spikes)


def _heldout_rows(trials: TrialSet) -> np.ndarray:
    """Spikes of held-out neurons in the bins inside the trials, (bins, held-out)."""
    counts, inside = heldout_counts(trials), _inside(trials)
    return counts.reshape(-1, counts.shape[2]) if inside.all() else counts[inside]


def _window_counts(trials: TrialSet, neurons: np.ndarray, spikes: np.ndarray) -> np.ndarray:
    counts: np.ndarray = spikes[:, : trials.n_time - trials.forward_bins, neurons]
    return counts


def _inside(trials: TrialSet) -> np.ndarray:
    """Bins of the window within their trial, (trials, time)."""
    return trials.valid[:, : trials.n_time - trials.forward_bins]


def choose_on_held_in(grid: list[Choice], smooth: HeldInSmoother, given: list[TrialSet]) -> Choice:
    """The point under which every held-in bin is likeliest given the other bins of its trial."""

    losses = dict.fromkeys(grid, 0.0)
    for trials in given:
        # large sets are judged by a part of their trials
        every = 1 + trials.spikes.size // ENTRIES_TO_CHOOSE
        for width_s in dict.fromkeys(point.width_s for point in grid):
            # without its own bin: else the narrowest kernel would win by repeating the spikes
            for part, rates in smooth.blocks(trials, width_s, centre=False, every=every):
                counts = _window_counts(trials, ~trials.heldout, trials.spikes[::every][part])
                for point in (each for each in grid if each.width_s == width_s):
                    expected = (rates + point.floor_hz) * trials.bin_s
                    losses[point] += negative_log_likelihood(expected, counts)
    return min(grid, key=lambda point: losses[point])


def choose_on_validation(
    grid: list[Choice], smooth: HeldInSmoother, train: TrialSet, validation: TrialSet
) -> Choice:
    """The best co-smoothing on the validation trials.

    In large sets, width and floor are chosen on a part of the data.

    Raises:
        ModelError: when no held-out neuron spikes in the validation trials.
    """
    neurons = np.flatnonzero(np.nansum(heldout_counts(validation), axis=(0, 1)) > 0)
    if not neurons.size:
        raise ModelError("no held-out neuron spikes in the validation trials: give more of them.")
    every_bin = -(-int(_inside(train).sum()) // BINS_TO_CHOOSE)
    every_neuron = -(-len(neurons) // NEURONS_TO_CHOOSE)

    def best(points: list[Choice], scored: np.ndarray, every: int) -> Choice:
        scores = dict(_validation_scores(points, smooth, train, validation, scored, every))
        return max(scores, key=lambda point: scores[point])

    choice = best(grid, neurons[::every_neuron], every_bin)
    if max(every_bin, every_neuron) == 1:
        return choice
    # the best penalty depends on the number of bins: it is chosen on all
    few = neurons[:: 1 + len(neurons) * int(_inside(train).sum()) // ENTRIES_TO_CHOOSE]
    return best([point for point in grid if point[:2] == choice[:2]], few, 1)


def _validation_scores(
    grid: list[Choice],
    smooth: HeldInSmoother,
    train: TrialSet,
    validation: TrialSet,
    neurons: np.ndarray,
    every: int,
) -> Iterator[tuple[Choice, float]]:
    """Co-smoothing of these held-out neurons at each point, fitted on every so many training bins.

    Penalties are tried from the strongest on, until the score falls.
    """
    target = heldout_counts(validation)[..., neurons]
    counts = _heldout_rows(train)[::every, neurons]
    penalties = sorted({point.penalty for point in grid}, reverse=True)
    for width_s in dict.fromkeys(point.width_s for point in grid):
        fit_rates = _held_rows(smooth, train, width_s, every)
        score_rates = smooth(validation, width_s)
        if train.spikes.size > HELD:
            score_rates = score_rates.astype(np.float32)
        for floor_hz in dict.fromkeys(point.floor_hz for point in grid):
            design = _design((np.log(rates + floor_hz) for rates in fit_rates()), counts, smooth)
            features = np.log(score_rates + floor_hz)
            for penalty, score in _until_it_falls(design, features, target, penalties):
                yield Choice(width_s, floor_hz, penalty), score


def _held_rows(
    smooth: HeldInSmoother, trials: TrialSet, width_s: float, every: int
) -> Callable[[], Iterable[np.ndarray]]:
    """The rows of `HeldInSmoother.rows`, held where they are few, else smoothed whenever asked."""
    if trials.spikes.size // every > HELD:
        return lambda: smooth.rows(trials, width_s, every)
    held = [np.concatenate(list(smooth.rows(trials, width_s, every)))]
    return lambda: held


def _design(
    features: Iterable[np.ndarray], counts: np.ndarray, smooth: HeldInSmoother
) -> PoissonDesign | BlockedPoissonDesign:
    """The design of these rows, in blocks where there are many numbers."""
    if len(counts) * len(smooth.mean_rates) > LARGE:
        return BlockedPoissonDesign(features, counts)
    return PoissonDesign(np.concatenate(list(features)), counts.astype(np.float64))


def _until_it_falls(
    design: PoissonDesign | BlockedPoissonDesign,
    features: np.ndarray,
    target: np.ndarray,
    penalties: list[float],
) -> Iterator[tuple[float, float]]:
    """Each penalty and its bits per spike, up to the first that is worse.

    Each fit starts from the one before.
    """
    fitted, best = None, -np.inf
    for penalty in penalties:
        # from strong to weak: each solution is near the next, and the fits stay quick
        fitted = design.fit(penalty, start=fitted, tolerance=1e-3)
        parts = row_blocks(features)
        log_counts = [fitted.log_counts(features[part].astype(np.float64)) for part in parts]
        score = bits_per_spike(np.exp(np.concatenate(log_counts)), target)
        yield penalty, score
        if score < best:
            return
        best = score


def fit_regression(
    smooth: HeldInSmoother, given: list[TrialSet], choice: Choice
) -> PoissonRegression:
    """Fit the regression from ln(smoothed held-in rates + floor) to ln of held-out rates.

    Rates are spikes/s; without held-out neurons the regression is empty.
    """
    first = given[0]
    if not first.heldout.any():
        return PoissonRegression(np.zeros((first.n_neurons, 0)), np.zeros(0))
    counts = compact(*(_heldout_rows(trials) for trials in given))
    features = (
        np.log(rates + choice.floor_hz)
        for trials in given
        for rates in smooth.rows(trials, choice.width_s)
    )
    fitted = _design(features, counts, smooth).fit(choice.penalty)
    # ln of counts per bin to ln of spikes/s
    return PoissonRegression(fitted.weights, fitted.offset - np.log(first.bin_s))
