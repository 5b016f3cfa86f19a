"""MINT: matching of a trial's spikes with a library of condition-averaged trajectories."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar, Literal

import numpy as np

from undertow import checks
from undertow.baselines.arrays import ArrayBaseline
from undertow.baselines.arrays.averages import Averages, conditions, plain_names
from undertow.baselines.arrays.matching import Library, Matched, match
from undertow.baselines.arrays.model import Shape
from undertow.baselines.latents.regression import check_spiking, heldout_bps
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.memory import blocks
from undertow.models.population import Population
from undertow.models.smoothed_regression import Grid, grid_values

Estimate = Literal["interpolate", "average"]
AT_ONCE = 2.0**27
"""Bytes that matching may take: trials are matched in parts."""


class MINT(ArrayBaseline):
    """Mesh of Idealized Neural Trajectories: a trial is where its spikes match a library best.

    After the publication alone (Perkins, Amematsro, Cunningham, Wang & Churchland 2023, bioRxiv
    2023.04.05.535396; eLife 2025). The library holds the smoothed average trajectory of each
    condition, for spikes and behaviour. In each bin, every state of every trajectory is matched
    with the held-in spikes of the bins around it by their Poisson likelihood; the two conditions
    that match best are interpolated along the line between their states ('interpolate', as
    published), or all states are averaged by their posterior probability under a flat prior
    ('average'). Forward bins go on along the trajectory matched last. Everything is read from the
    matched state: all neurons' rates, and continuous behaviour. Training trials need condition
    labels; those predicted do not.

    **A United States patent, 11,429,847, is claimed on this method**: see that your use is allowed.
    It is left out of comparisons unless it is named.

    Smoothing, window and jitter are chosen on validation trials by co-smoothing; with nothing held
    out they are the first of each.

    Args:
        width_s: standard deviation of the Gaussian that smooths the library, in seconds; one value,
            or several to choose from.
        window_s: spikes up to so many seconds before and after a bin are matched; one or several.
        jitter_s: how far a state may be from the bin's own time, in seconds; one or several.
        estimate: 'interpolate' or 'average'.
        added_trials: trials of the overall average added to those of each condition.
        seed: of the split into training and validation trials, when none are given.
    """

    cli_name = "mint"
    compared = False
    shapes: ClassVar[dict[str, Shape]] = {
        "rates": ("conditions", "time", "neurons"),
        "behavior": ("conditions", "time", "channels"),
        "choice": (3,),
    }
    positive: ClassVar[tuple[str, ...]] = ("rates", "choice")

    def __init__(
        self,
        width_s: Grid = (0.04, 0.02, 0.06, 0.08),
        window_s: Grid = (0.2, 0.1, 0.3, 0.6),
        jitter_s: Grid = (0.1, 0.02, 0.04, 0.2),
        *,
        estimate: Estimate = "interpolate",
        added_trials: float = 1.0,
        seed: int = 0,
    ) -> None:
        self.width_s, self.window_s, self.jitter_s = width_s, window_s, jitter_s
        self.estimate, self.added_trials, self.seed = estimate, added_trials, seed

    def check_settings(self) -> None:
        super().check_settings()
        checks.one_of("estimate", self.estimate, ("interpolate", "average"))
        checks.number("added_trials", self.added_trials, 0, 1e6)
        for name in ("width_s", "window_s", "jitter_s"):
            grid_values(name, getattr(self, name))

    def unused_signals(self, trials: TrialSet) -> list[str]:
        if trials.behavior is not None and trials.behavior_kind != "continuous":
            return ["MINT does not use categorical behaviour."]
        return []

    def describe(self, trials: TrialSet) -> Population:
        if trials.condition is None:
            raise ModelError(
                "the trials have no conditions: MINT's library holds the average of each of them; "
                "give TrialSet.condition, a label per trial."
            )
        known = Population.of(trials, behavior=trials.behavior_kind == "continuous")
        return replace(known, conditions=plain_names(np.unique(conditions(trials))))

    # --- fitting -----------------------------------------------------------------------------

    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        points = list(product(*(grid_values(n, getattr(self, n)) for n in GRIDS)))
        chosen = points[0]
        if trials.heldout.any() and len(points) > 1:
            check_spiking(validation)
            chosen = self._chosen(trials, validation)
        averages = Averages(everything, chosen[0])
        return {
            "rates": averages.drawn(self.added_trials),
            "behavior": self._behavior(everything),
            "choice": np.array(chosen),
        }

    def _chosen(self, trials: TrialSet, validation: TrialSet) -> tuple[float, ...]:
        """One after the other: the best of each list, the others where they are."""
        lists = [grid_values(name, getattr(self, name)) for name in GRIDS]
        point = [values[0] for values in lists]
        libraries = {w: Averages(trials, w).drawn(self.added_trials) for w in lists[0]}
        for place in (2, 1, 0):
            scores = {}
            for value in lists[place]:
                tried = [*point[:place], value, *point[place + 1 :]]
                library = libraries[tried[0]]
                parts = self._matches(library, tried[1], tried[2], validation)
                rates = np.concatenate([matched.read(library) for matched in parts])
                scores[value] = heldout_bps(rates, validation)
            point[place] = max(scores, key=scores.__getitem__)
        return tuple(point)

    def _behavior(self, trials: TrialSet) -> np.ndarray:
        """Mean behaviour of each condition, (conditions, time, channels)."""
        if trials.behavior is None or not self.population_.behavior_names:
            return np.zeros((len(self.population_.conditions), trials.n_time, 0))
        overall = _mean(trials.behavior)
        usual = np.nan_to_num(np.where(np.isnan(overall), _mean(overall), overall))
        means = [
            _mean(trials.behavior[conditions(trials) == c]) for c in np.unique(trials.condition)
        ]
        return np.stack([np.where(np.isnan(mean), usual, mean) for mean in means])

    # --- predicting --------------------------------------------------------------------------

    def _matches(
        self, rates: np.ndarray, window_s: float, jitter_s: float, trials: TrialSet
    ) -> Iterator[Matched]:
        """Match trials with a library of rates, some at a time."""
        library = Library.of(
            rates[..., ~trials.heldout] * trials.bin_s,
            round(window_s / trials.bin_s),
            round(jitter_s / trials.bin_s),
        )
        last = trials.n_time - trials.forward_bins
        for part in blocks(trials.n_trials, library.bytes_of_a_trial(trials.n_time), AT_ONCE):
            counts = trials.spikes[part][..., ~trials.heldout].astype(float)
            counts[:, last:] = np.nan
            yield match(library, counts, self.estimate)

    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        self.refuse_samples(samples)
        rates, (_, window_s, jitter_s) = self.network_["rates"], self.network_["choice"]
        behavior = self.network_["behavior"]
        found = [
            (matched.read(rates), matched.condition_shares, matched.read(behavior))
            for matched in self._matches(rates, float(window_s), float(jitter_s), trials)
        ]
        read, shares, moved = (np.concatenate(parts) for parts in zip(*found, strict=True))
        latents, names = {"condition": shares}, tuple(self.population_.behavior_names)
        if not names:
            return read, latents, {}
        shown = np.where(trials.valid[..., None], moved, np.nan)
        return read, latents, {"behavior": shown, "behavior_names": names}


GRIDS = ("width_s", "window_s", "jitter_s")


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis of what is known; NaN where nothing is."""
    known = np.isfinite(values)
    total: np.ndarray = np.where(known, values, 0.0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)
