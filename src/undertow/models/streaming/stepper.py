"""`Stepper`: what a model does in one bin of a stream."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass
class BinSeen:
    """What is seen of a bin; arrays belong to the stream and change from bin to bin.

    Attributes:
        counts: of the held-in neurons, zero where not observed, (held-in,).
        known: True where they were observed, (held-in,).
        complete: whether all of them were.
        observed: whether any of them was.
        stimulus: external input, missing values filled with the last known ones, (channels,).
    """

    counts: np.ndarray
    known: np.ndarray
    stimulus: np.ndarray
    complete: bool = True
    observed: bool = True


class Stepper(ABC):
    """A fitted model as it goes from bin to bin.

    All arrays are made beforehand; a step overwrites them.

    Attributes:
        rates: of all neurons, spikes/s, (neurons,).
        latents: name → (dim,).
        stimulus_channels: external inputs that it reads.
        behavior: (channels,); None for a model that predicts none.
        behavior_std: of continuous behaviour, (channels,); None else.
        behavior_names: names of the channels.
        categorical: behaviour is numbers of categories.
        effective: particles of equal weight that would carry the state's law, in an array of one
            number; None without particles.
    """

    rates: np.ndarray
    latents: dict[str, np.ndarray]
    stimulus_channels: int = 0
    behavior: np.ndarray | None = None
    behavior_std: np.ndarray | None = None
    behavior_names: tuple[str, ...] = ()
    categorical: bool = False
    effective: np.ndarray | None = None

    @abstractmethod
    def reset(self) -> None:
        """Go back to before a trial's first bin."""

    @abstractmethod
    def step(self, seen: BinSeen) -> None:
        """Take in the next bin."""

    @abstractmethod
    def state(self) -> Mapping[str, np.ndarray]:
        """All that the next steps depend on, by name: the arrays themselves."""

    def restored(self) -> None:  # noqa: B027 (most have nothing to do)
        """Go on from what has been written into the arrays of `state`; nothing by default."""
