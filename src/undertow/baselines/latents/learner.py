"""`LatentLearner`: expectation–maximisation of a `LatentNetwork`."""

from collections.abc import Iterator

import torch
from torch import Tensor

from undertow.baselines.latents.network import Inferred, LatentNetwork
from undertow.models.em import Given, Learner, PathEM
from undertow.models.em.starting import starting_paths


class LatentLearner(Learner[LatentNetwork]):
    """The state of a fit: the network, and what was inferred of the training trials.

    Args:
        network, given, options: see `Learner`.
        seed: governs where paths start.
    """

    options: PathEM

    def __init__(self, network: LatentNetwork, given: Given, options: PathEM, seed: int) -> None:
        super().__init__(network, given, options)
        self.seed = seed
        self.rows: dict[str, Tensor] = {}

    def start(self) -> None:
        """Start at components of the smoothed counts."""
        width = self.options.smoothing_s / self.network.bin_s
        paths = starting_paths(self.given, self.network.dim, width, self.seed)
        self.network.start(self.given, paths)
        self.settle()

    def settle(self) -> None:
        """Infer the latents of all trials with the network as it is."""
        self._infer(self.options.inference_steps)

    def iterate(self) -> float:
        found = self._infer(self.options.path_steps)
        self.network.learn(self.given, found)
        self.iteration += 1
        return float(found.elbo.sum()) / len(self.given)

    @torch.no_grad()
    def _infer(self, steps: int) -> Inferred:
        """Infer all latents, some trials at a time, from where they were left."""
        found = []
        for rows in parts_of(len(self.given), self.options.batch_size):
            before = {k: v[rows] for k, v in self.rows.items()} or None
            part = self.network.infer(self.given.take(rows), self.options, steps, before)
            found.append(Inferred(part.mean, part.cov, part.elbo, part.rows))
        joined = Inferred.joined(found)
        self.rows = joined.rows
        return joined

    def inferred(self) -> dict[str, Tensor]:
        return self.rows

    def restore(self, inferred: dict[str, Tensor]) -> None:
        self.rows = inferred


def parts_of(n: int, size: int) -> Iterator[slice]:
    """Slices of so many trials each that make up n of them."""
    return (slice(first, min(first + size, n)) for first in range(0, n, size))
