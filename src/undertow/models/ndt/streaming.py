"""`NDT` one bin at a time."""

import numpy as np
import torch
from torch import Tensor

from undertow.decoders import TransformerLayer
from undertow.flat import row
from undertow.models.ndt.network import NDTNetwork
from undertow.models.streaming import BinSeen, FlatStepper, Tensors, no_memory
from undertow.observations import CountObservation


class NDTStepper(FlatStepper):
    """Rates and features of each bin; every layer remembers the bins that it may look back at.

    Args:
        network: of a causal model, on the CPU.
    """

    def __init__(self, network: NDTNetwork) -> None:
        self._network = network
        inputs = {"counts": row(network.embed.in_features), "position": row(network.width)}
        for k, layer in enumerate(network.layers):
            assert isinstance(layer, TransformerLayer)
            assert network.back is not None
            width = -(-network.width // layer.heads)
            inputs |= no_memory(str(k), 1, layer.heads, width, network.back)
        super().__init__(self._bin, inputs, [])
        with torch.no_grad():
            self._positions = network.all_positions().numpy()

    def step(self, seen: BinSeen) -> None:
        # bins of which nothing is known enter as zeros
        np.copyto(self.inputs["counts"][0], seen.counts)
        last = min(int(self.bins[0]), len(self._positions) - 1)
        np.copyto(self.inputs["position"][0], self._positions[last])
        self.advance(seen.observed)

    def _bin(self, given: Tensors, first: bool) -> dict[str, Tensor]:
        network, found = self._network, dict[str, Tensor]()
        x = network.embed(given["counts"]) + given["position"]
        for k, layer in enumerate(network.layers):
            assert isinstance(layer, TransformerLayer)
            memory = (given[f"{part}_{k}"] for part in ("keys", "values", "reach"))
            x, found[f"key_{k}"], found[f"value_{k}"] = layer.transform_next(x, *memory)
        x = network.norm_out(x)
        assert isinstance(network.observation, CountObservation)
        rates = network.observation.rates_of(network.observation.readout(x))
        return {**found, "rates": rates, "latent_h": x}
