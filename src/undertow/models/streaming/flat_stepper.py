"""`FlatStepper`: a stepper whose bins are programs of NumPy calls."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from torch import Tensor

from undertow.flat import Program
from undertow.models.streaming.attention import Memory
from undertow.models.streaming.stepper import Stepper

Tensors = Mapping[str, Tensor]
OneBin = Callable[[Tensors, bool], Tensors]
"""(what a bin depends on, whether it is the first) → what is known of it, by name: 'rates',
(1, neurons), and 'latent_…', (1, dim); what is carried on; 'key_…' and 'value_…' of memories."""
CARRIED = "next_"
"""Begins the names of outputs that the next bin's inputs are."""


class FlatStepper(Stepper):
    """A stepper whose first bin and whose later bins are a program each.

    What it gives as 'next_…' becomes the input '…' of the next bin. Inputs 'keys_…', 'values_…' and
    'reach_…' are the memory of a layer of attention (`Memory`), which keeps the outputs 'key_…' and
    'value_…' of each bin.

    Args:
        one_bin: what a bin is, see `OneBin`.
        inputs: everything that it depends on, by name.
        carried: names of inputs that each bin leaves to the next; zeros before the first.

    Attributes:
        inputs, outputs: arrays of the programs, by name.
        slow: operations of a step that NumPy does not do.
        bins: how many bins have been read, in an array of one number.
    """

    def __init__(self, one_bin: OneBin, inputs: Tensors, carried: Sequence[str]) -> None:
        self._carried = list(carried)
        named = {CARRIED + name: name for name in carried}
        self._later = Program(lambda given: one_bin(given, False), inputs, None, named)
        self.inputs, self.outputs = self._later.inputs, self._later.outputs
        self._first = Program(lambda given: one_bin(given, True), inputs, self.outputs, named)
        self.slow = self._later.slow
        layers = [name.removeprefix("keys_") for name in inputs if name.startswith("keys_")]
        self._memories = {
            name: Memory(*(self.inputs[f"{part}_{name}"] for part in ("keys", "values", "reach")))
            for name in layers
        }
        self.bins = np.zeros(1, np.int64)
        self.rates = self.outputs["rates"][0]
        self.latents = {
            name.removeprefix("latent_"): each[0]
            for name, each in self.outputs.items()
            if name.startswith("latent_")
        }

    def reset(self) -> None:
        for memory in self._memories.values():
            memory.reset()
        for name in self._carried:
            self.inputs[name][...] = 0.0
        self.bins[0] = 0

    def advance(self, valid: bool) -> None:
        """Run the bin whose inputs have been written; later ones look at it only if `valid`."""
        (self._later if self.bins[0] else self._first).run()
        for name, memory in self._memories.items():
            memory.keep(self.outputs[f"key_{name}"], self.outputs[f"value_{name}"], valid)
        self.bins[0] += 1

    def state(self) -> dict[str, np.ndarray]:
        found = {name: self.inputs[name] for name in self._carried} | {"bins_read": self.bins}
        for name, memory in self._memories.items():
            found |= memory.state(f"memory_{name}")
        return found


def no_memory(name: str, trials: int, heads: int, width: int, bins: int) -> dict[str, Tensor]:
    """Inputs of a layer of attention that has seen nothing: `bins` earlier bins that do not exist.

    Args:
        name: of the layer.
        trials, heads, width: sizes of its keys.
        bins: how many earlier bins it looks at.
    """
    keys, values = (Tensor(trials, heads, bins, width).zero_() for _ in range(2))
    reach = Tensor(trials, heads, bins).fill_(-np.inf)
    return {f"keys_{name}": keys, f"values_{name}": values, f"reach_{name}": reach}
