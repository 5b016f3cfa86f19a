"""`SampleSums`: what is averaged over posterior samples, for all trials, allocated once."""

import numpy as np
import torch
from torch import Tensor

from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.memory import check_memory

BYTES = 4
DECODED_BYTES = 2**26
"""What the rates of all neurons of one block of trials may take while they are decoded."""
COPIES = 8
"""Arrays of that size at once: rates, their logarithms, masks, terms of the likelihood."""


class SampleSums:
    """Sums over the samples of a prediction, and the samples themselves where they are kept.

    Values come trial by trial or some trials at a time; each array exists once, whole.

    Args:
        trials: the trials predicted for.
        samples: number of samples that will be added.
        keep: whether to keep them.

    Raises:
        ModelError: where the samples asked for could not fit into memory.
    """

    def __init__(self, trials: TrialSet, samples: int, keep: bool) -> None:
        if keep:
            check_samples(trials, samples)
        self.trials, self.samples, self.keep = trials, samples, keep
        self.totals: dict[str, Tensor] = {}
        self.kept: dict[str, np.ndarray] = {}

    def add(self, name: str, rows: slice, value: Tensor) -> None:
        """Add a sample of some trials, (rows, …), or several, one below the other."""
        if name not in self.totals:
            self.totals[name] = value.new_zeros(len(self.trials), *value.shape[1:])
        total = self.totals[name][rows]
        total += value if len(value) == len(total) else _by_sample(value, len(total)).sum(0)

    def store(self, name: str, samples: slice | int, rows: slice, value: Tensor) -> None:
        """Keep samples of some trials, one below the other, where samples are kept.

        Args:
            name: what they are of.
            samples: which they are.
            rows: the trials.
            value: (samples × rows, time, dim).
        """
        if not self.keep:
            return
        if name not in self.kept:
            shape = (self.samples, len(self.trials), *value.shape[1:])
            self.kept[name] = np.empty(shape, torch.zeros(0, dtype=value.dtype).numpy().dtype)
        valid = torch.from_numpy(self.trials.valid[rows]).to(value.device)
        each = _by_sample(value, len(valid))
        self.kept[name][samples, rows] = (
            each.masked_fill(~valid[..., None], torch.nan).cpu().numpy()
        )

    def mean(self, name: str) -> Tensor:
        """Turn the sum into the mean over all samples, in place; to be called once for a name."""
        return self.totals[name].div_(self.samples)

    def ended(self, values: Tensor) -> np.ndarray:
        """(trials, time, dim) as an array, NaN past each trial's end; `values` are overwritten."""
        past_end = torch.from_numpy(~self.trials.valid).to(values.device)
        return values.masked_fill_(past_end[..., None], torch.nan).cpu().numpy()


def _by_sample(values: Tensor, rows: int) -> Tensor:
    """(samples × rows, …) as (samples, rows, …)."""
    return values.unflatten(0, (-1, rows))


def check_samples(trials: TrialSet, samples: int) -> None:
    """Refuse samples of the rates of all neurons that could not fit into memory.

    Raises:
        ModelError: with the memory they would take and a way out.
    """
    n_trials, n_time, n_neurons = trials.shape
    check_memory(
        float(samples) * n_trials * n_time * n_neurons * BYTES,
        f"{samples} samples of the rates of {n_trials} trials × {n_time} bins × {n_neurons} "
        "neurons",
        "ask for fewer samples, or predict some trials at a time, such as trials[:100].",
        ModelError,
    )


def decoded_bytes(trials_shape: tuple[int, ...]) -> int:
    """Bytes that decoding takes for each trial of (trials, time, neurons)."""
    return BYTES * COPIES * trials_shape[1] * trials_shape[2]
