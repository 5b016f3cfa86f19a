"""Noise of a stream: the numbers that a prediction of the same trial draws, bin by bin."""

from collections.abc import Sequence

import numpy as np
import torch

from undertow.randomness import path_generator


class PathNoise:
    """Standard normal numbers of several paths, each with a generator of its own.

    Args:
        seeds: seed of each path.
    """

    def __init__(self, seeds: Sequence[Sequence[int]]) -> None:
        self._seeds = [tuple(seed) for seed in seeds]
        self._generators: list[torch.Generator] = []
        self._states = np.zeros((len(seeds), 0), np.uint8)
        self._filled: dict[int, list[torch.Tensor]] = {}
        self.reset()

    def __len__(self) -> int:
        return len(self._seeds)

    def reset(self) -> None:
        """Begin anew, with the same numbers."""
        self._generators = [path_generator(torch.device("cpu"), *seed) for seed in self._seeds]

    def fill(self, rows: np.ndarray) -> None:
        """Fill each path's row of an array, (paths, numbers).

        As many numbers in one call are other numbers than in two: each call is to fill what a
        prediction draws at once.
        """
        known = self._filled.get(id(rows))
        if known is None:
            # the tensors keep the array alive, so that no other takes its identity
            known = self._filled[id(rows)] = list(torch.from_numpy(rows).unbind(0))
        for row, generator in zip(known, self._generators, strict=True):
            row.normal_(generator=generator)

    def state(self) -> np.ndarray:
        """States of all generators, (paths, bytes); see `restored`."""
        self._states = np.stack([each.get_state().numpy() for each in self._generators])
        return self._states

    def restored(self) -> None:
        """Go on from what has been written into the array that `state` gave last."""
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(torch.from_numpy(state.copy()))


class AntitheticNoise(PathNoise):
    """Noise of samples in antithetic pairs, as `undertow.models.antithetic` draws it for one trial.

    Each pair has one row; its second sample has the same numbers with their signs turned.

    Args:
        seed: of a prediction.
        samples: how many are averaged.
    """

    def __init__(self, seed: int, samples: int) -> None:
        super().__init__([(seed, 0, pair) for pair in range(-(-samples // 2))])
