"""Particle filter of a `LatentSDE`: the law of the state given all bins so far."""

import math

import numpy as np
import torch

from undertow.flat import Program
from undertow.inference.particles import RESAMPLE_BELOW, effective_number, systematic
from undertow.models.latent_sde.inferring import SMOOTHING
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.streaming import PathStepper
from undertow.models.population import Population
from undertow.models.streaming import BinSeen
from undertow.observations import CountObservation
from undertow.randomness import path_generator


class ParticleStepper(PathStepper):
    """Weighted particles that the posterior's control proposes and the counts seen weigh.

    The numbers are those of `run_particles`, bin by bin (Chopin & Papaspiliopoulos 2020, chapter
    10). Particles are resampled where fewer than half would carry the law.

    Args:
        network, population: see `PathStepper`.
        particles: how many.
        seed: of the noise.

    Attributes:
        log_evidence: estimate of the log evidence of the counts seen so far, in nats, in an array
            of one number.
    """

    def __init__(
        self, network: LatentSDENetwork, population: Population, particles: int, seed: int
    ) -> None:
        super().__init__(network, population, particles)
        dynamics, neurons = network.dynamics, len(population.neuron_ids)
        self._particles, self._seed = particles, seed
        self._noisy = dynamics.noise_dim > 0
        self._generator = torch.Generator()
        given = {"rates": torch.from_numpy(self._decode.outputs["rates"])}
        given |= {"counts": torch.zeros(1, neurons), "known": torch.zeros(1, neurons)}
        self._explain = Program(self._parts.explain, given)
        self._heldin = np.flatnonzero(~np.array(population.heldout))
        kept = max(self._window, 1) + 1
        self._counts = np.zeros((kept, neurons), np.float32)
        self._known = np.zeros((kept, neurons), np.float32)
        self._constants = np.zeros(kept)
        self._log_weights = torch.zeros(1, particles)
        self._gained = np.zeros(1)
        self._effective, self.log_evidence = np.zeros(1), np.zeros(1)
        self.effective = self._effective

    def reset(self) -> None:
        super().reset()
        self._generator = path_generator(torch.device("cpu"), self._seed, 0, SMOOTHING)

    def observe(self, seen: BinSeen, bins: int) -> None:
        """Keep what is seen of a bin: while the window is open, particles begin anew."""
        at = min(bins, len(self._constants) - 1)
        self._counts[at, self._heldin], self._known[at, self._heldin] = seen.counts, seen.known
        counts = torch.full((1, len(self._counts[at])), torch.nan)
        counts[0, self._heldin] = torch.from_numpy(np.where(seen.known, seen.counts, np.nan))
        nothing, observation = torch.zeros_like(counts), self._network.observation
        assert isinstance(observation, CountObservation)
        with torch.no_grad():
            self._constants[at] = float(observation.count_log_prob(nothing, nothing, counts).sum())

    def start(self, law: dict[str, np.ndarray] | None) -> None:
        self._generator = path_generator(torch.device("cpu"), self._seed, 0, SMOOTHING)
        x = self._moves[0].inputs["x"]
        noise = self._normal(x.shape)
        self.place(noise, law)
        if law is None:
            apart = np.zeros(len(x), np.float32)
        else:
            factor = law["factor"][0]
            diagonal = factor if factor.ndim == 1 else factor.diagonal()
            apart = (0.5 * (np.square(noise) - np.square(x)) + np.log(diagonal)).sum(1)
        self._gained[0] = 0.0
        self._log_weights[0] = torch.from_numpy(apart) + self._likelihood(0)
        self._weigh()

    def move(self, bins: int, substep: int, program: Program) -> None:
        weights, given = self._log_weights, program.inputs
        few = bool(effective_number(weights) < RESAMPLE_BELOW * self._particles) and self._noisy
        # drawn whether it is needed or not, as `run_particles` does
        place = torch.rand(1, 1, dtype=torch.float64, generator=self._generator)
        if few:
            self._gained[0] += float(_log_mean(weights))
            given["x"][...] = given["x"][systematic(weights, place)[0].numpy()]
            weights.zero_()
        given["noise"][...] = self._normal(given["noise"].shape)
        program.run()
        given["x"][...] = program.outputs["x"]
        weights += torch.from_numpy(program.outputs["log_ratio"])
        if substep == self._parts.substeps - 1:
            weights += self._likelihood(min(bins, len(self._constants) - 1))
            self._weigh()

    def arrive(self) -> None:
        """Nothing: particles have been decoded where they were weighed."""

    def _likelihood(self, at: int) -> torch.Tensor:
        """Decode particles; the log-likelihood of a bin's counts for each of them."""
        self._decode.run()
        given = self._explain.inputs
        given["counts"][0], given["known"][0] = self._counts[at], self._known[at]
        self._explain.run()
        return torch.from_numpy(self._explain.outputs["log_likelihood"]) + self._constants[at]

    def _weigh(self) -> None:
        self.weights[...] = self._log_weights[0].softmax(0).numpy()
        self._effective[0] = float(effective_number(self._log_weights))
        self.log_evidence[0] = self._gained[0] + float(_log_mean(self._log_weights))

    def _normal(self, shape: tuple[int, ...]) -> np.ndarray:
        drawn: np.ndarray = torch.empty(1, *shape).normal_(generator=self._generator)[0].numpy()
        return drawn

    def state(self) -> dict[str, np.ndarray]:
        self._states = self._generator.get_state().numpy().copy()
        return super().state() | {
            "counts": self._counts,
            "known": self._known,
            "constants": self._constants,
            "log_weights": self._log_weights.numpy(),
            "gained": self._gained,
            "generator": self._states,
        }

    def restored(self) -> None:
        self._generator.set_state(torch.from_numpy(self._states))
        self._decode.run()
        self._weigh()


def _log_mean(log_weights: torch.Tensor) -> torch.Tensor:
    return log_weights.logsumexp(-1) - math.log(log_weights.shape[-1])
