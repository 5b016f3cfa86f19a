"""`AveragingStepper`: several models side by side, whose rates and behaviour are averaged."""

from collections.abc import Sequence

import numpy as np

from undertow.models.streaming.stepper import BinSeen, Stepper


class AveragingStepper(Stepper):
    """Mean of what several steppers know; latents are those of the first.

    Args:
        steppers: of models of the same neurons and signals.
    """

    def __init__(self, steppers: Sequence[Stepper]) -> None:
        first, self._steppers = steppers[0], list(steppers)
        self.rates, self.latents = np.zeros_like(first.rates), first.latents
        self.stimulus_channels = first.stimulus_channels
        # the mean of two categories is none
        if first.behavior is not None and not first.categorical:
            self.behavior_names = first.behavior_names
            self.behavior = np.zeros_like(first.behavior)
        if first.behavior_std is not None:
            self.behavior_std = np.zeros_like(first.behavior_std)

    def reset(self) -> None:
        for each in self._steppers:
            each.reset()

    def step(self, seen: BinSeen) -> None:
        for each in self._steppers:
            each.step(seen)
        self._average()

    def _average(self) -> None:
        share, each = 1 / len(self._steppers), self._steppers
        np.multiply(sum(one.rates for one in each), share, out=self.rates)
        known = [one.behavior for one in each if one.behavior is not None]
        if self.behavior is None or not known:
            return
        np.multiply(sum(known), share, out=self.behavior)
        stds = [one.behavior_std for one in each if one.behavior_std is not None]
        if self.behavior_std is not None and stds:
            # law of total variance: spread of the means plus the mean variance
            square = share * sum(m**2 + s**2 for m, s in zip(known, stds, strict=True))
            np.sqrt(np.maximum(square - self.behavior**2, 0.0), out=self.behavior_std)

    def state(self) -> dict[str, np.ndarray]:
        return {
            f"{k}.{name}": array
            for k, each in enumerate(self._steppers)
            for name, array in each.state().items()
        }

    def restored(self) -> None:
        for each in self._steppers:
            each.restored()
