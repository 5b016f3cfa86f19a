"""Natural frequencies of a fitted model's oscillators, beside where they started."""

from dataclasses import dataclass

import numpy as np

from undertow.analysis.oscillators import (
    Models,
    alike,
    frequencies_hz,
    kind_of,
    sorted_regions,
    unit_order,
)
from undertow.errors import UndertowError
from undertow.models import LatentSDE
from undertow.randomness import isolated_seed

LEAST_SEEDS, LEAST_GRIDS = 3, 2
"""Of fits, and of starting grids among them, before an order of regions is told."""


@dataclass(frozen=True, eq=False)
class NaturalFrequencies:
    """Frequencies at which the oscillators would turn alone, and where they started.

    Attributes:
        hz: |ω| / 2π in Hz, (models, oscillators); 0 for units that are still.
        start_hz: the same before anything was learned, (models, oscillators).
        region: region of each oscillator, (oscillators,); 'all' where neurons share one state,
            'shared' for those that all regions read beside their own.
        seeds: seed of each model, (models,).
    """

    hz: np.ndarray
    start_hz: np.ndarray
    region: np.ndarray
    seeds: np.ndarray

    @property
    def regions(self) -> tuple[str, ...]:
        """Regions, in order of the oscillators."""
        return tuple(dict.fromkeys(self.region.tolist()))

    @property
    def moved_hz(self) -> np.ndarray:
        """How far learning moved them, |Hz|, (models, oscillators)."""
        moved: np.ndarray = np.abs(self.hz - self.start_hz)
        return moved

    @property
    def n_grids(self) -> int:
        """How many starting grids the models have: which frequencies, on which oscillators."""
        return len({tuple(np.round(start, 6)) for start in self.start_hz.tolist()})

    def of(self, region: str) -> np.ndarray:
        """Select those of one region, (models, oscillators of the region)."""
        return self.hz[:, self.region == region]

    def start_of(self, region: str) -> np.ndarray:
        """Select where those of one region started, (models, oscillators of the region)."""
        return self.start_hz[:, self.region == region]

    def median_of(self, region: str, start: bool = False) -> np.ndarray:
        """Median frequency of a region's oscillators that turn, (models,); NaN where none does.

        `start` takes those that learning began with.
        """
        hz = self.start_of(region) if start else self.of(region)
        return np.array([np.median(row[row > 0]) if (row > 0).any() else np.nan for row in hz])

    def ranking(self) -> list[tuple[str, str]]:
        """Pairs (slower region, faster region) whose order is not that of the start.

        The median frequency of the one is below that of the other in every fit, of three seeds and
        two starting grids or more, and at least one of these started the other way round or level.
        Units that are still count for neither.
        """
        if len(set(self.seeds.tolist())) < LEAST_SEEDS or self.n_grids < LEAST_GRIDS:
            return []
        found = []
        for slower in self.regions:
            for faster in self.regions:
                apart = self.median_of(faster) - self.median_of(slower)
                began = self.median_of(faster, True) - self.median_of(slower, True)
                if (apart > 0).all() and (began <= 0).any():
                    found.append((slower, faster))
        return found

    def about_regions(self) -> str:
        """One sentence: which order of regions these fits bear out, and what that took."""
        fits = f"{len(self.hz)} fit{'s' * (len(self.hz) > 1)} from {self.n_grids} starting grid"
        fits += "s" * (self.n_grids > 1)
        pairs = self.ranking()
        if pairs:
            told = ", ".join(f"{slower} slower than {faster}" for slower, faster in pairs)
            return f"In all of {fits}, against the start of at least one: {told}."
        return (
            f"No order of regions is borne out ({fits}; it takes {LEAST_SEEDS} seeds and "
            f"{LEAST_GRIDS} grids, dynamics.start_cycles and dynamics.start_order): frequencies "
            "that hardly moved show where they started."
        )


def natural_frequencies(models: Models) -> NaturalFrequencies:
    """Return the natural frequencies in Hz of one model's oscillators, or of several models'.

    Several models may differ in their seed and in where their oscillators start.

    Oscillators are in the order of `CouplingOverTime`: by region, then by frequency.

    Raises:
        UndertowError: for dynamics without natural frequencies, or models of different dynamics or
            regions.
    """
    models = alike(models)
    pairs = [_learned_and_start(model) for model in models]
    return NaturalFrequencies(
        np.stack([learned for learned, _ in pairs]),
        np.stack([start for _, start in pairs]),
        sorted_regions(models[0]),
        np.array([model.seed for model in models]),
    )


def _learned_and_start(model: LatentSDE) -> tuple[np.ndarray, np.ndarray]:
    """The frequencies of one model, and those its fit began with, in Hz."""
    learned = frequencies_hz(model.dynamics_)
    if learned is None:
        raise UndertowError(
            f"{kind_of(model)} has no natural frequencies: its units are no oscillators."
        )
    with isolated_seed(model.seed):
        start = frequencies_hz(model.build_network(model.population_).dynamics)
    assert start is not None
    order = unit_order(model)
    return learned[order], start[order]
