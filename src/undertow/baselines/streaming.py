"""Baselines one bin at a time: mean rates, and what is read from smoothed spikes."""

from collections.abc import Mapping

import numpy as np

from undertow.baselines.arrays.factors import Factors
from undertow.evaluation.metrics.poisson_regression import PoissonRegression
from undertow.models.streaming import BinSeen, PastSmoother, Stepper


class ConstantStepper(Stepper):
    """The same rates in every bin.

    Args:
        rates: spikes/s, (neurons,).
    """

    def __init__(self, rates: np.ndarray) -> None:
        self.rates, self.latents = rates.astype(np.float32), {}

    def reset(self) -> None:
        pass

    def step(self, seen: BinSeen) -> None:
        pass

    def state(self) -> Mapping[str, np.ndarray]:
        return {}


class SmoothedStepper(Stepper):
    """What is read from held-in rates that are smoothed over the past.

    Args:
        smoother: of the held-in neurons.
        neurons: number of all neurons.
    """

    def __init__(self, smoother: PastSmoother, neurons: int) -> None:
        self.smoother, self.latents = smoother, {}
        self.rates = np.zeros(neurons, np.float32)

    def reset(self) -> None:
        self.smoother.reset()

    def state(self) -> Mapping[str, np.ndarray]:
        return self.smoother.state("smoother")

    def roots(self) -> np.ndarray:
        """√ of the smoothed held-in counts per bin, (held-in,)."""
        found: np.ndarray = np.sqrt(self.smoother.rates * self.smoother.bin_s)
        return found


class SmoothingStepper(SmoothedStepper):
    """Smoothed rates of held-in neurons, and a Poisson regression from them for the others.

    Args:
        smoother: of the held-in neurons.
        heldout: neurons that are not seen.
        regression: from the logarithm of smoothed rates + floor.
        floor_hz: that floor, spikes/s.
    """

    def __init__(
        self,
        smoother: PastSmoother,
        heldout: np.ndarray,
        regression: PoissonRegression,
        floor_hz: float,
    ) -> None:
        super().__init__(smoother, len(heldout))
        self._heldin, self._heldout = np.flatnonzero(~heldout), np.flatnonzero(heldout)
        self._regression, self._floor_hz = regression, floor_hz

    def step(self, seen: BinSeen) -> None:
        self.smoother.step(seen)
        self.rates[self._heldin] = self.smoother.rates
        if len(self._heldout):
            features = np.log(self.smoother.rates + self._floor_hz)
            self.rates[self._heldout] = np.exp(self._regression.log_counts(features))


class FactorsStepper(SmoothedStepper):
    """Factors of smoothed √counts, and a Poisson regression from them.

    Args:
        smoother: of the held-in neurons.
        factors: of √counts.
        regression: from the factors to ln of spikes/s of all neurons.
    """

    def __init__(
        self, smoother: PastSmoother, factors: Factors, regression: PoissonRegression
    ) -> None:
        super().__init__(smoother, len(regression.offset))
        self._regression, self._offset = regression, factors.offset
        self._weights = (factors.loadings / factors.noise_var[:, None]) @ factors.cov
        self.latents = {"x": np.zeros(self._weights.shape[1])}

    def step(self, seen: BinSeen) -> None:
        self.smoother.step(seen)
        latents = np.dot(self.roots() - self._offset, self._weights, out=self.latents["x"])
        self.rates[...] = np.exp(self._regression.log_counts(latents))


class RidgeStepper(SmoothedStepper):
    """Rates and behaviour by ridge regression from √counts of the last bins.

    Args:
        smoother: of the held-in neurons.
        arrays: weights and offsets of rates and behaviour; weights are of the oldest bin first.
        least_hz: the least rate of each neuron, spikes/s, (neurons,).
        names: of the channels of behaviour.
    """

    def __init__(
        self,
        smoother: PastSmoother,
        arrays: Mapping[str, np.ndarray],
        least_hz: np.ndarray,
        names: tuple[str, ...],
    ) -> None:
        super().__init__(smoother, len(least_hz))
        self._arrays, self._least_hz = arrays, least_hz
        heldin = len(smoother.rates)
        self._bins = np.zeros((len(arrays["rate_weights"]) // heldin, heldin))
        self._started = np.zeros(1, bool)
        if names:
            self.behavior, self.behavior_names = np.zeros(len(names)), names

    def reset(self) -> None:
        super().reset()
        self._bins[...], self._started[0] = 0.0, False

    def step(self, seen: BinSeen) -> None:
        self.smoother.step(seen)
        if self._started[0]:
            self._bins[:-1] = self._bins[1:]
            self._bins[-1] = self.roots()
        else:
            self._bins[...] = self.roots()  # the first bin stands for those before it
            self._started[0] = True
        features, arrays = self._bins.reshape(-1), self._arrays
        rates = features @ arrays["rate_weights"] + arrays["rate_offset"]
        self.rates[...] = np.maximum(rates, self._least_hz)
        if self.behavior is not None:
            np.dot(features, arrays["behavior_weights"], out=self.behavior)
            self.behavior += arrays["behavior_offset"]

    def state(self) -> Mapping[str, np.ndarray]:
        return {**super().state(), "bins": self._bins, "started": self._started}
