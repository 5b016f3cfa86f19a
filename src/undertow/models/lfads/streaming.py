"""`LFADS` one bin at a time."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from undertow.encoders import GRUEncoder
from undertow.encoders.gru_recurrence import gru_step
from undertow.flat import row
from undertow.models.lfads.generator import Controller, GRUWeights
from undertow.models.lfads.network import LFADSNetwork
from undertow.models.lfads.recurrence import LEAST_LOGVAR, MOST_LOGVAR
from undertow.models.streaming import AntitheticNoise, BinSeen, FlatStepper, ReadRow, Tensors
from undertow.observations import CountObservation

CARRIED = ("h", "generator", "controller", "inputs")


class LFADSStepper(FlatStepper):
    """Rates, factors and inferred inputs of each bin; samples have the noise of a prediction.

    Args:
        network: of a causal model, on the CPU.
        samples: posterior samples averaged.
        seed: of the noise.
        n_heldin, n_stimulus: counts and external inputs of a bin.
    """

    def __init__(
        self, network: LFADSNetwork, samples: int, seed: int, n_heldin: int, n_stimulus: int
    ) -> None:
        assert isinstance(network.encoder, GRUEncoder)
        assert isinstance(network.controller_encoder, GRUEncoder)
        assert network.controller is not None
        self._network, self._samples = network, samples
        self._noise = AntitheticNoise(seed, samples)
        dim, pairs = len(network.controller.prior.log_std), len(self._noise)
        inputs = {
            "read": row(len(network.controller_encoder.no_input)),
            "read_first": row(len(network.encoder.no_input)),
            "observed": torch.ones(1, 1),
            "stimulus": row(n_stimulus),
            "initial_noise": torch.zeros(pairs, len(network.initial_prior.mean)),
            "noise": torch.zeros(pairs, dim),
            "h": row(network.controller_encoder.context_dim),
            "generator": torch.zeros(samples, network.generator.gru.recurrent.in_features),
            "controller": torch.zeros(samples, network.controller.gru.recurrent.in_features),
            "inputs": torch.zeros(samples, dim),
        }
        super().__init__(self._bin, inputs, CARRIED)
        self.stimulus_channels = n_stimulus
        self._reads = [
            ReadRow(network.encoder, self.inputs["read_first"][0]),
            ReadRow(network.controller_encoder, self.inputs["read"][0]),
        ]

    def reset(self) -> None:
        super().reset()
        self._noise.reset()
        for read in self._reads:
            read.reset()

    def step(self, seen: BinSeen) -> None:
        first, inputs = self.bins[0] == 0, self.inputs
        for read in self._reads:
            read.step(seen, bool(first))
        inputs["observed"][...] = seen.observed
        np.copyto(inputs["stimulus"][0], seen.stimulus)
        if first:
            self._noise.fill(inputs["initial_noise"])
        self._noise.fill(inputs["noise"])
        self.advance(seen.observed)

    def state(self) -> dict[str, np.ndarray]:
        found = super().state() | {"generators": self._noise.state()}
        return found | self._reads[1].state("encoder")

    def restored(self) -> None:
        self._noise.restored()

    # --- what is computed --------------------------------------------------------------------

    def _bin(self, given: Tensors, first: bool) -> dict[str, Tensor]:
        network, controller = self._network, self._network.controller
        encoder = network.controller_encoder
        assert isinstance(encoder, GRUEncoder)
        assert controller is not None
        h = encoder.next_state(given["read"], encoder.recurrent(given["h"]), given["h"])
        before, own = given["generator"], given["controller"]
        if first:
            before, own = self._started(given), controller.initial(h).expand(self._samples, -1)
        factor_weights = network.generator.factor_weights()
        shown = controller.context(h) + controller.gru.gate_bias
        own = _gru(controller.gru, shown + controller.feedback(linear(before, factor_weights)), own)
        inputs = self._inputs(controller, own, given, first)
        assert network.generator.inputs is not None
        gates = network.generator.gru.gate_bias + network.generator.inputs(inputs)
        if network.generator.stimulus is not None:
            gates = gates + network.generator.stimulus(given["stimulus"])
        state = _gru(network.generator.gru, gates, before)
        factors = linear(state, factor_weights)
        assert isinstance(network.observation, CountObservation)
        rates = network.observation.rates_of(network.observation.readout(factors))
        latents = {"factors": factors, "generator": state, "inputs": inputs}
        carried = {"h": h, "generator": state, "controller": own, "inputs": inputs}
        return {
            "rates": rates.mean(0, keepdim=True),
            **{f"latent_{name}": each.mean(0, keepdim=True) for name, each in latents.items()},
            **{f"next_{name}": each for name, each in carried.items()},
        }

    def _started(self, given: Tensors) -> Tensor:
        """States of the generator before the first bin."""
        network, encoder = self._network, self._network.encoder
        assert isinstance(encoder, GRUEncoder)
        nothing = torch.zeros(1, encoder.context_dim)
        features = encoder.next_state(given["read_first"], encoder.recurrent(nothing), nothing)
        mean, std = network.initial(features)
        initial: Tensor = network.generator.initial(
            mean + std * self._paired(given["initial_noise"])
        )
        return initial

    def _inputs(self, controller: Controller, own: Tensor, given: Tensors, first: bool) -> Tensor:
        """Inputs of the bin: inferred, or drawn from their prior where nothing was observed."""
        mean, logvar = controller.head(own).chunk(2, -1)
        noise = self._paired(given["noise"])
        inferred = mean + (0.5 * logvar.clamp(LEAST_LOGVAR, MOST_LOGVAR)).exp() * noise
        decay, innovation_std = controller.prior.steps(2)
        free = decay * given["inputs"] + innovation_std[0 if first else 1] * noise
        return torch.where(given["observed"] > 0, inferred, free)

    def _paired(self, noise: Tensor) -> Tensor:
        """Noise of all samples, those of a pair of opposite signs, (samples, numbers)."""
        return torch.cat([noise, -noise])[: self._samples]


def _gru(weights: GRUWeights, gates: Tensor, state: Tensor) -> Tensor:
    """State of a GRU after a bin with these gates of its inputs."""
    return gru_step(gates, weights.recurrent(state), state)
