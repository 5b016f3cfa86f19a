"""`LangevinFlow` as it goes from bin to bin."""

import numpy as np

from undertow.decoders import TransformerDecoder
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.models.langevin_flow.one_bin import LangevinBin
from undertow.models.streaming import AntitheticNoise, BinSeen, FlatStepper, PastSmoother, ReadRow


class LangevinStepper(FlatStepper):
    """Rates, positions and velocities of each bin; samples have the noise of a prediction.

    Args:
        network: of a causal model, on the CPU.
        samples: posterior samples averaged.
        seed: of the noise.
        average: 'rates' or 'log-rates'.
        n_heldin, n_stimulus: counts and external inputs of a bin.

    Attributes:
        one_bin: what is computed in a bin.
    """

    def __init__(
        self,
        network: LangevinNetwork,
        samples: int,
        seed: int,
        average: str,
        n_heldin: int,
        n_stimulus: int,
    ) -> None:
        one_bin = LangevinBin(network, samples, average, n_heldin, n_stimulus)
        super().__init__(one_bin, one_bin.inputs(), one_bin.carried)
        self.one_bin = one_bin
        self.stimulus_channels = n_stimulus
        self._noise = AntitheticNoise(seed, one_bin.samples)
        self._read = ReadRow(network.encoder, self.inputs["read"][0])
        self._positions = self._smoother = None
        for head in one_bin.heads:
            if isinstance(decoder := head.decoder, TransformerDecoder):
                self._positions = decoder.positions_of(network.bin_s).cpu().numpy()
        if (pool := network.pool) is not None and pool.regression:
            usual, width_s = pool.smoother.mean_rates, float(pool.smoothing[0])
            smoothed = self.inputs["smoothed"][0]
            self._smoother = PastSmoother(usual, width_s, network.bin_s, smoothed)

    def reset(self) -> None:
        super().reset()
        self._noise.reset()
        self._read.reset()
        if self._smoother is not None:
            self._smoother.reset()

    def step(self, seen: BinSeen) -> None:
        inputs, bins = self.inputs, int(self.bins[0])
        self._read.step(seen, bins == 0)
        if "state" in inputs:
            inputs["observed"][0, 0] = seen.observed
            self._noise.fill(inputs["noise" if bins else "initial_noise"])
        if "counts" in inputs:
            np.copyto(inputs["counts"][0], seen.counts)
        if self._smoother is not None:
            self._smoother.step(seen)
        if self._positions is not None and bins < len(self._positions):
            np.copyto(inputs["position"], self._positions[bins])
        self.advance(seen.observed)

    def state(self) -> dict[str, np.ndarray]:
        found = super().state() | self._read.state("encoder")
        if self._smoother is not None:
            found |= self._smoother.state("smoother")
        if "state" in self.inputs:
            found["generators"] = self._noise.state()
        if self._positions is not None:
            found["position"] = self.inputs["position"]
        return found

    def restored(self) -> None:
        if "state" in self.inputs:
            self._noise.restored()
