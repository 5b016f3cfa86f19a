"""`MeanRate`: each neuron's mean rate, whatever the trial."""

from typing import Any, ClassVar

import numpy as np

from undertow.baselines.arrays import ArrayBaseline
from undertow.baselines.arrays.averages import mean_rates
from undertow.baselines.arrays.model import Shape
from undertow.baselines.streaming import ConstantStepper
from undertow.data import TrialSet
from undertow.models.streaming import Stepper


class MeanRate(ArrayBaseline):
    """Each neuron's mean rate in the window and in the forward bins: what knows nothing of a trial.

    Bits per spike are counted from a mean rate too, that of the spikes scored.

    Args:
        seed: of the split into training and validation trials, which changes nothing here.
    """

    cli_name = "mean-rate"
    shapes: ClassVar[dict[str, Shape]] = {"window_hz": ("neurons",), "forward_hz": ("neurons",)}
    positive: ClassVar[tuple[str, ...]] = ("window_hz", "forward_hz")

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def learn(
        self, trials: TrialSet, validation: TrialSet, everything: TrialSet
    ) -> dict[str, np.ndarray]:
        return {
            "window_hz": mean_rates(everything, forward=False),
            "forward_hz": mean_rates(everything, forward=True),
        }

    def respond(
        self, trials: TrialSet, samples: int | None, seed: int
    ) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
        self.refuse_samples(samples)
        rates = np.tile(self.network_["window_hz"], (trials.n_trials, trials.n_time, 1))
        rates[:, trials.n_time - trials.forward_bins :] = self.network_["forward_hz"]
        return rates, {}, {}

    def stepper(self, samples: int | None, seed: int) -> Stepper:
        self.refuse_samples(samples)
        return ConstantStepper(self.network_["window_hz"])
