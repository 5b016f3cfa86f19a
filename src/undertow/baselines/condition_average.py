"""Averages of the training trials as predictions: of each condition, and times a gain."""

from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np

from undertow.baselines.arrays import ArrayBaseline
from undertow.baselines.arrays.averages import (
    Averages,
    conditions,
    in_time,
    place_of,
    plain_names,
)
from undertow.baselines.arrays.model import Shape
from undertow.data import TrialSet
from undertow.evaluation.metrics.likelihood import negative_log_likelihood
from undertow.models.population import Population
from undertow.models.smoothed_regression import Grid, grid_values

WIDTHS_S = (0.02, 0.04, 0.06, 0.08, 0.12)
WITHOUT = float(np.finfo(np.float64).max)
"""So many added spikes: no gain; so many added trials: one average for all conditions."""


class AveragedTrials(ArrayBaseline):
    """Averages of the training trials, times a gain for each trial.

    Concrete ones say what is smoothed by how much (`width_s`, seconds), how many trials of the
    overall average are added to those of each condition (`added_trials`), and how many spikes to
    those that make the gain (`added_spikes`); what is a grid is chosen on validation trials.
    """

    shapes: ClassVar[dict[str, Shape]] = {
        "overall": ("time", "neurons"),
        "each": ("conditions", "time", "neurons"),
        "choice": (3,),
    }
    positive: ClassVar[tuple[str, ...]] = ("overall", "each", "choice")
    width_s: Grid
    added_trials: Grid = WITHOUT
    added_spikes: Grid = WITHOUT

    def check_settings(self) -> None:
        super().check_settings()
        self._grid()

    def _grid(self) -> list[tuple[float, float, float]]:
        trials, spikes = self.added_trials, self.added_spikes
        return list(
            product(
                grid_values("width_s", self.width_s),
                [WITHOUT] if trials == WITHOUT else grid_values("added_trials", trials),
                [WITHOUT] if spikes == WITHOUT else grid_values("added_spikes", spikes),
            )
        )

    def describe(self, trials: TrialSet) -> Population:
        names = plain_names(np.unique(conditions(trials)))
        return replace(super().describe(trials), conditions=names)

    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        """The choice is the one under which the spikes to be predicted are likeliest."""
        grid = self._grid()
        losses = self._losses(grid, trials, validation) if len(grid) > 1 else {grid[0]: 0.0}
        choice = min(losses, key=losses.__getitem__)
        averages = Averages(everything, choice[0])
        each = averages.drawn(choice[1])
        return {"overall": averages.overall, "each": each, "choice": np.array(choice)}

    def _losses(
        self, grid: list[tuple[float, float, float]], trials: TrialSet, validation: TrialSet
    ) -> dict[tuple[float, float, float], float]:
        """Negative log-likelihood of validation spikes, of held-out neurons where there are any."""
        losses, scored = {}, trials.heldout if trials.heldout.any() else ~trials.heldout
        counts = validation.spikes[..., scored].astype(np.float64)
        for width_s in dict.fromkeys(width for width, *_ in grid):
            averages = Averages(trials, width_s)
            places = place_of(conditions(validation), plain_names(averages.names))
            for point in (each for each in grid if each[0] == width_s):
                means = averages.drawn(point[1]), averages.overall
                rates = gained(expected_rates(*means, places, validation), validation, point[2])
                losses[point] = negative_log_likelihood(
                    rates[..., scored] * validation.bin_s, counts
                )
        return losses

    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        self.refuse_samples(samples)
        places = place_of(conditions(trials), self.population_.conditions)
        means = self.network_["each"], self.network_["overall"]
        expected = expected_rates(*means, places, trials)
        return gained(expected, trials, float(self.network_["choice"][2])), {}, {}


def expected_rates(
    each: np.ndarray, overall: np.ndarray, places: np.ndarray, trials: TrialSet
) -> np.ndarray:
    """The average of each trial's condition, or the overall one of an unknown condition (−1)."""
    whole = np.concatenate([each, overall[None]])
    return in_time(whole, trials.n_time)[places]


def gained(expected: np.ndarray, trials: TrialSet, added_spikes: float) -> np.ndarray:
    """What is expected times each trial's gain, from its held-in spikes in the window."""
    if added_spikes == WITHOUT:
        return expected
    window, heldin = slice(0, trials.n_time - trials.forward_bins), ~trials.heldout
    counts = trials.spikes[:, window][..., heldin].astype(np.float64)
    own = np.where(np.isnan(counts), 0.0, expected[:, window][..., heldin]) * trials.bin_s
    gain = (np.nansum(counts, (1, 2)) + added_spikes) / (own.sum((1, 2)) + added_spikes)
    found: np.ndarray = gain[:, None, None] * expected
    return found


class ConditionAverage(AveragedTrials):
    """The average of the training trials of each trial's condition: a PSTH as the prediction.

    It is told the condition of the trials it predicts, which no model is; a trial of an unknown
    condition, or of none, gets the overall average. Each condition's average is drawn to the
    overall one as by so many trials of it.

    Args:
        width_s: standard deviation of the Gaussian that smooths averages, in seconds; one value, or
            several to choose from on validation trials.
        added_trials: trials of the overall average added to those of each condition; one or
            several.
        seed: of the split into training and validation trials, when none are given.
    """

    cli_name = "condition-average"
    told = "condition"

    def __init__(
        self,
        width_s: Grid = WIDTHS_S,
        added_trials: Grid = (0.3, 1.0, 3.0, 10.0, 30.0),
        *,
        seed: int = 0,
    ) -> None:
        self.width_s, self.added_trials, self.seed = width_s, added_trials, seed


class GainedAverage(AveragedTrials):
    """The average of all training trials times a gain of each trial: PSTH × gain.

    The gain is (s + κ) / (e + κ), s the trial's held-in spikes in the window and e those that the
    average expects; it is the same for all neurons.

    Args:
        width_s: standard deviation of the Gaussian that smooths the average, in seconds; one value,
            or several to choose from on validation trials.
        added_spikes: κ; one or several.
        seed: of the split into training and validation trials, when none are given.
    """

    cli_name = "psth-gain"

    def __init__(
        self,
        width_s: Grid = WIDTHS_S,
        added_spikes: Grid = (10.0, 30.0, 100.0, 300.0, 1000.0),
        *,
        seed: int = 0,
    ) -> None:
        self.width_s, self.added_spikes, self.seed = width_s, added_spikes, seed
