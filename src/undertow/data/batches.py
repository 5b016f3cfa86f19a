"""`Batch`: a TrialSet as tensors, with the masks that say what a model may see and what it is scored on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from undertow.data.trialset import TrialSet


@dataclass(frozen=True)
class Batch:
    """Trials on one device.

    Attributes:
        inputs: counts of held-in neurons, (trials, time, held-in), zero where not observed.
        targets: counts of all neurons, (trials, time, neurons), NaN where not observed.
        observed: bins the encoder may look at, (trials, time): inside the trial, before the forward bins, and
            with at least one held-in neuron observed.
        valid: bins that exist, (trials, time): as `observed`, and the forward bins inside the trial.
        lengths: bins in each trial, (trials,).
        time_s: bin centres in seconds from the window's start, (time,).
        heldin: indices of the held-in neurons, (held-in,).
        forward_bins: the last bins, never given to the encoder.
    """

    inputs: Tensor
    targets: Tensor
    observed: Tensor
    valid: Tensor
    lengths: Tensor
    time_s: Tensor
    heldin: Tensor
    forward_bins: int

    @classmethod
    def from_trials(
        cls, trials: TrialSet, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> "Batch":
        """All trials as one batch."""
        targets = torch.tensor(trials.spikes, dtype=dtype, device=device)
        heldin = torch.tensor(np.flatnonzero(~trials.heldout), device=device)
        inside = torch.tensor(trials.valid, device=device)
        window = torch.arange(trials.n_time, device=device) < trials.n_time - trials.forward_bins
        inputs = targets[:, :, heldin]
        seen = torch.isfinite(inputs) & window[:, None]
        observed = inside & seen.any(-1)
        time_s = (torch.arange(trials.n_time, dtype=dtype, device=device) + 0.5) * trials.bin_s
        return cls(
            inputs=torch.where(seen, inputs, 0.0),
            targets=targets,
            observed=observed,
            valid=observed | (inside & ~window),
            lengths=torch.tensor(trials.lengths, device=device),
            time_s=time_s,
            heldin=heldin,
            forward_bins=trials.forward_bins,
        )

    def __len__(self) -> int:
        return len(self.lengths)

    def take(self, index: Tensor) -> "Batch":
        """Some of the trials."""
        per_trial = {
            k: getattr(self, k)[index] for k in ("inputs", "targets", "observed", "valid", "lengths")
        }
        return Batch(**per_trial, time_s=self.time_s, heldin=self.heldin, forward_bins=self.forward_bins)

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator["Batch"]:
        """Minibatches of at most `size` trials in random order; their sizes differ by at most one."""
        order = torch.randperm(len(self), generator=generator).to(self.lengths.device)
        for index in order.tensor_split(max(1, -(-len(self) // size))):
            yield self.take(index)
