"""`LatentSDE` as it goes from bin to bin: paths of its posterior, one bin longer each time."""

from abc import abstractmethod
from collections.abc import Callable, Sequence

import numpy as np
import torch

from undertow.errors import ModelError
from undertow.flat import Program
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.one_bin import LatentSDEBin
from undertow.models.population import Population
from undertow.models.streaming import BinSeen, PathNoise, Stepper
from undertow.observations import CategoricalChannels


def check_streamed(network: LatentSDENetwork, population: Population) -> None:
    """Refuse a network whose paths depend on later bins.

    Raises:
        ModelError: naming the setting and what it must be.
    """
    if not network.encoder.causal:
        why = "encoder.context is read backwards, from later bins: fit with context='forward'"
        if network.encoder.stride > 1:
            why = "encoder.stride is above 1, which leans on later bins: fit with stride=1"
    elif network.free is not None:
        why = "training_path is 'free', whose marginals lean on later bins: fit with 'simulated'"
    elif network.initial_share is not None:
        why = "posterior.initial_share needs a trial's length: leave it at None"
    elif network.bins_per_step > 1:
        why = "solver.bins_per_step is above 1: fit with 1, or one over a whole number"
    elif network.parameter_law is not None:
        why = "posterior.uncertain_dynamics draws dynamics anew for each path: fit without"
    elif not population.regular:
        why = "it was fitted on irregular times: fit it on trials of regular bins"
    else:
        return
    raise ModelError(f"this LatentSDE cannot be streamed: {why}.")


class PathStepper(Stepper):
    """Paths that go on from bin to bin, and what is read from them.

    While the window of the initial state is open, each bin tells more of where paths start: they
    are run again from there.

    Args:
        network: whose context is read forwards, on the CPU.
        population: that it was fitted on.
        paths: how many.
    """

    def __init__(self, network: LatentSDENetwork, population: Population, paths: int) -> None:
        check_streamed(network, population)
        self._network, self.stimulus_channels = network, population.stimulus_channels
        self._parts = LatentSDEBin(network, population.n_heldin, population.stimulus_channels)
        parts, bins = self._parts, network.encoder.initial_bins or 0
        self._window = bins if network.initial is not None else 0
        carried = {"next_states": "states", "next_cells": "cells"}
        self._encode = Program(parts.encode, parts.encoded, None, carried)
        self._back: Program | None = None
        if self._window:
            self._back = Program(parts.read_back, parts.started, None, carried)
        moved = parts.moved(paths)
        self._moves = [Program(_substep(parts, k), moved) for k in range(parts.substeps)]
        self._decode = Program(parts.decode, {"x": moved["x"]})
        decoded = {k: torch.from_numpy(each) for k, each in self._decode.outputs.items()}
        decoded["weights"] = torch.full((1, paths), 1 / paths)
        self._average = Program(parts.average, decoded)
        self.weights, self.bins = decoded["weights"][0].numpy(), np.zeros(1, np.int64)
        kept = max(self._window, 1)
        self._rows = np.zeros((kept, parts.read_width), np.float32)
        self._contexts = np.zeros((kept + 1, network.encoder.context_dim), np.float32)
        self._inputs = np.zeros((kept + 1, parts.input_dim), np.float32)
        self._offer(population)

    def _offer(self, population: Population) -> None:
        """Point to what is read: rates, latents and behaviour."""
        outputs = self._average.outputs
        self.rates = outputs["rates"][0]
        latents = (name for name in outputs if name.startswith("latent_"))
        self.latents = {name.removeprefix("latent_"): outputs[name][0] for name in latents}
        self._named: Sequence[tuple[np.ndarray, np.ndarray]] = ()
        if "behavior" in outputs:
            self.behavior, self.behavior_std = outputs["behavior"][0], outputs["behavior_std"][0]
        elif isinstance(channels := self._network.behavior, CategoricalChannels):
            chances = torch.from_numpy(outputs["categories"]).unflatten(
                1, (channels.n_channels, -1)
            )
            numbers = channels.of_channels(channels.categories)
            self._named = [
                (each[0].numpy(), numbers[name].numpy())
                for name, each in channels.of_channels(chances).items()
            ]
            self.behavior = np.zeros(channels.n_channels, np.float32)
            self.categorical = True
        self.behavior_names = tuple(population.behavior_names)

    def reset(self) -> None:
        self.bins[0] = 0
        for name in ("states", "cells"):
            self._encode.inputs[name][...] = 0.0

    def step(self, seen: BinSeen) -> None:
        bins = int(self.bins[0])
        self._take_in(seen, bins)
        self.observe(seen, bins)
        if bins < self._window:
            self._restart(bins)
        elif bins == 0:
            self.start(None)
        else:
            self._go_on(bins)
        self.bins[0] = bins + 1
        self.arrive()
        self._read_out()

    def _take_in(self, seen: BinSeen, bins: int) -> None:
        """Encode a bin, and keep what later ones need of it."""
        given = self._encode.inputs
        given["counts"][0], given["known"][0] = seen.counts, seen.known
        given["observed"][...], given["stimulus"][0] = seen.observed, seen.stimulus
        given["time_s"][...] = (bins + 0.5) * self._network.bin_s
        self._encode.run()
        found, kept = self._encode.outputs, len(self._rows)
        if bins < kept:
            self._rows[bins] = found["read"][0]
        elif bins > kept:
            # once the window is closed the last two bins are all that is looked at
            self._contexts[kept - 1], self._inputs[kept - 1] = (
                self._contexts[kept],
                self._inputs[kept],
            )
        at = min(bins, kept)
        self._contexts[at] = found["context"][0]
        if "inputs" in found:
            self._inputs[at] = found["inputs"][0]

    def _restart(self, bins: int) -> None:
        """Infer the start anew from the window so far, and run paths from there."""
        assert self._back is not None
        for name in ("states", "cells"):
            self._back.inputs[name][...] = 0.0
        for k in range(bins, -1, -1):
            self._back.inputs["read"][0] = self._rows[k]
            self._back.run()
        self.start(self._back.outputs)
        for k in range(1, bins + 1):
            self._go_on(k)

    def _go_on(self, bins: int) -> None:
        """Run paths on to a bin."""
        kept, given = len(self._rows), self._moves[0].inputs
        now = min(bins, kept)
        given["context_before"][0], given["context"][0] = (
            self._contexts[now - 1],
            self._contexts[now],
        )
        given["inputs_before"][0], given["inputs"][0] = self._inputs[now - 1], self._inputs[now]
        given["start_s"][...] = (bins - 0.5) * self._network.bin_s
        for k, program in enumerate(self._moves):
            self.move(bins, k, program)

    def _read_out(self) -> None:
        self._average.run()
        for k, (chances, numbers) in enumerate(self._named):
            assert self.behavior is not None
            self.behavior[k] = numbers[chances.argmax()]

    def state(self) -> dict[str, np.ndarray]:
        found = {"bins_read": self.bins, "x": self._moves[0].inputs["x"], "rows": self._rows}
        found |= {"contexts": self._contexts, "inputs": self._inputs}
        return found | {k: self._encode.inputs[k] for k in ("states", "cells")}

    # --- what paths do -----------------------------------------------------------------------

    def observe(self, seen: BinSeen, bins: int) -> None:
        """Take notice of what is seen of a bin; nothing by default."""

    @abstractmethod
    def start(self, law: dict[str, np.ndarray] | None) -> None:
        """Begin all paths anew, from a law of 'mean' and 'factor'; None for N(0, I)."""

    @abstractmethod
    def move(self, bins: int, substep: int, program: Program) -> None:
        """Take all paths through a substep into a bin."""

    def arrive(self) -> None:
        """Decode what paths have come to."""
        self._decode.run()

    def place(self, noise: np.ndarray, law: dict[str, np.ndarray] | None) -> None:
        """Put all paths where standard normal numbers (paths, state_dim) say."""
        x = self._moves[0].inputs["x"]
        if law is None:
            np.copyto(x, noise)
        elif law["factor"].ndim == 2:
            np.multiply(noise, law["factor"], x)
            np.add(x, law["mean"], x)
        else:
            np.add(noise @ law["factor"][0].T, law["mean"], x)


class PosteriorStepper(PathStepper):
    """Paths of the posterior, with the noise of a prediction.

    Args:
        network, population: see `PathStepper`.
        paths: how many are averaged.
        seed: of the noise.
    """

    def __init__(
        self, network: LatentSDENetwork, population: Population, paths: int, seed: int
    ) -> None:
        super().__init__(network, population, paths)
        dynamics, kept = network.dynamics, max(self._window, 1)
        self._noise = PathNoise([(seed, path) for path in range(paths)])
        self._initial = np.zeros((paths, dynamics.state_dim), np.float32)
        # bins of the window are run again, with the noise that they had
        steps = np.zeros((kept + 1, self._parts.substeps, paths, dynamics.noise_dim), np.float32)
        self._steps, self._rows_of = steps, [[each for each in bins] for bins in steps]
        self._drawn = np.zeros(1, np.int64)

    def reset(self) -> None:
        super().reset()
        self._noise.reset()
        self._drawn[0] = 0

    def start(self, law: dict[str, np.ndarray] | None) -> None:
        if self._drawn[0] == 0:
            self._noise.fill(self._initial)
            self._drawn[0] = 1
        self.place(self._initial, law)

    def move(self, bins: int, substep: int, program: Program) -> None:
        at = min(bins, len(self._rows))
        noise = self._rows_of[at][substep]
        if bins >= self._drawn[0]:
            self._noise.fill(noise)
            if substep == self._parts.substeps - 1:
                self._drawn[0] = bins + 1
        program.inputs["noise"][...] = noise
        program.run()
        program.inputs["x"][...] = program.outputs["x"]

    def state(self) -> dict[str, np.ndarray]:
        found = super().state() | {"initial": self._initial, "steps": self._steps}
        return found | {"drawn": self._drawn, "generators": self._noise.state()}

    def restored(self) -> None:
        self._noise.restored()


def _substep(parts: LatentSDEBin, k: int) -> Callable[..., dict]:
    return lambda given: parts.move(given, k)
