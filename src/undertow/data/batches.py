"""`Batch`: a TrialSet as tensors, with masks for what a model may see and is scored on."""

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from undertow.data.label_codes import label_codes
from undertow.data.times import from_start_s
from undertow.data.trialset import TrialSet
from undertow.memory import blocks, give_back

PER_TRIAL = ("targets", "observed", "valid", "lengths")
OPTIONAL = ("stimulus", "behavior", "irregular_times_s")


@dataclass(frozen=True)
class Batch:
    """Trials on one device.

    Attributes:
        targets: counts of all neurons, (trials, time, neurons), NaN where not observed; never
            written to, since on the CPU they share the memory of the trials.
        observed: bins the encoder may look at, (trials, time): inside the trial, before the forward
            bins, and with at least one held-in neuron observed.
        valid: bins that exist, (trials, time): as `observed`, and the forward bins inside the
            trial.
        lengths: bins in each trial, (trials,).
        time_s: bin centres in seconds from the window's start, (time,), were the bins side by side;
            a model that takes irregular times reads `times_s`.
        heldin: indices of the held-in neurons, (held-in,).
        forward_bins: the last bins, never given to the encoder.
        stimulus: external input, (trials, time, inputs), NaN where missing; None where there is
            none.
        behavior: (trials, time, channels), NaN where missing; None where there is none.
        labels: name → code of each trial's category, (trials,) whole numbers, −1 where it is
            missing or none of the categories; only of names whose categories were given.
        irregular_times_s: bin centres of each trial in seconds from the window's start, (trials,
            time), finite past a trial's end, where they go on in steps of a bin; None where all
            trials share `time_s`.
        given: `inputs` other than those of the targets; None for these.
    """

    targets: Tensor
    observed: Tensor
    valid: Tensor
    lengths: Tensor
    time_s: Tensor
    heldin: Tensor
    forward_bins: int
    stimulus: Tensor | None = None
    behavior: Tensor | None = None
    labels: Mapping[str, Tensor] = field(default_factory=dict)
    irregular_times_s: Tensor | None = None
    given: Tensor | None = None

    @classmethod
    def from_trials(
        cls,
        trials: TrialSet,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        label_categories: Mapping[str, ArrayLike] | None = None,
    ) -> "Batch":
        """All trials as one batch.

        Args:
            trials: to turn into tensors.
            device, dtype: of the tensors.
            label_categories: name → categories, whose places give `labels` their codes; from the
                training trials (`undertow.data.label_codes.label_categories`), so that the same
                code always means the same.
        """
        targets = _shared(trials.spikes).to(device=device, dtype=dtype)
        heldin = torch.tensor(np.flatnonzero(~trials.heldout), device=device)
        inside = torch.tensor(trials.valid, device=device)
        window = torch.arange(trials.n_time, device=device) < trials.n_time - trials.forward_bins
        observed = inside & window & _any_seen(targets, heldin)
        time_s = (torch.arange(trials.n_time, dtype=dtype, device=device) + 0.5) * trials.bin_s
        codes = {
            name: label_codes(trials, name, known)
            for name, known in (label_categories or {}).items()
        }
        return cls(
            targets=targets,
            observed=observed,
            valid=observed | (inside & ~window),
            lengths=torch.tensor(trials.lengths, device=device),
            time_s=time_s,
            heldin=heldin,
            forward_bins=trials.forward_bins,
            labels={name: torch.tensor(code, device=device) for name, code in codes.items()},
            **{
                k: torch.tensor(v, dtype=dtype, device=device) for k, v in _optional(trials).items()
            },
        )

    def __len__(self) -> int:
        return len(self.lengths)

    @property
    def device(self) -> torch.device:
        """Where the trials are."""
        return self.targets.device

    @property
    def times_s(self) -> Tensor:
        """Bin centres in seconds from the window's start.

        Their shape is (1, time) where trials share them, else (trials, time).
        """
        return self.time_s[None] if self.irregular_times_s is None else self.irregular_times_s

    @cached_property
    def inputs(self) -> Tensor:
        """Counts of held-in neurons, (trials, time, held-in), zero where not observed.

        They are taken out of the targets when they are first asked for: a minibatch needs them,
        all trials together do not.
        """
        if self.given is not None:
            return self.given
        shown = self.targets[:, :, self.heldin]
        shown[:, shown.shape[1] - self.forward_bins :] = 0.0
        return shown.masked_fill_(shown.isnan(), 0.0)

    @property
    def known(self) -> Tensor:
        """Counts of held-in neurons that were observed, (trials, time, held-in)."""
        return ~self.targets[:, :, self.heldin].isnan()

    @property
    def inside(self) -> Tensor:
        """Bins inside each trial, observed or not, (trials, time)."""
        bins = torch.arange(self.targets.shape[1], device=self.lengths.device)
        return bins < self.lengths[:, None]

    def ended(self, values: Tensor) -> np.ndarray:
        """(trials, time, dim) as an array, NaN past each trial's end."""
        return torch.where(self.inside[..., None], values, torch.nan).cpu().numpy()

    def take(self, index: Tensor) -> "Batch":
        """A batch of some of the trials."""
        held = {name: getattr(self, name) for name in (*PER_TRIAL, *OPTIONAL, "given")}
        return dataclasses.replace(
            self,
            **{name: value[index] for name, value in held.items() if value is not None},
            labels={name: codes[index] for name, codes in self.labels.items()},
        )

    def cut(self, parts: int) -> "list[Batch]":
        """Parts of this batch, of sizes that differ by at most one; itself for one."""
        if parts == 1:
            return [self]
        rows = torch.arange(len(self), device=self.lengths.device).tensor_split(parts)
        return [self.take(index) for index in rows]

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator["Batch"]:
        """Minibatches of at most `size` trials in random order.

        Their sizes differ by at most one.
        """
        order = torch.randperm(len(self), generator=generator).to(self.lengths.device)
        for index in order.tensor_split(max(1, -(-len(self) // size))):
            yield self.take(index)


def batches(
    trials: TrialSet, read: Callable[[TrialSet], Batch], size: int
) -> Iterator[tuple[slice, Batch]]:
    """Batches of at most `size` trials in order, each with its place among the trials.

    Each is read when its turn comes, so that no more than one is held at a time.

    Args:
        trials: all trials.
        read: turns trials into a batch.
        size: trials of a batch, at least 1.
    """
    for first in range(0, len(trials), size):
        rows = slice(first, min(first + size, len(trials)))
        yield rows, read(trials if size >= len(trials) else trials[rows])
        if size < len(trials):
            give_back()


def _any_seen(targets: Tensor, heldin: Tensor) -> Tensor:
    """Bins in which at least one held-in neuron was observed, (trials, time)."""
    rows = blocks(len(targets), targets[:1].numel())
    return torch.cat([(~targets[part][:, :, heldin].isnan()).any(-1) for part in rows])


def _shared(counts: np.ndarray) -> Tensor:
    """Read-only counts as a tensor that shares their memory; nothing here writes to it."""
    with warnings.catch_warnings():
        # torch knows no read-only tensors and warns of them
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(np.ascontiguousarray(counts))


def _optional(trials: TrialSet) -> dict[str, np.ndarray]:
    """The optional fields that this set holds, by the names of `OPTIONAL`."""
    irregular = (
        None if trials.times is None else from_start_s(trials.times, trials.start_s, trials.bin_s)
    )
    held = dict(zip(OPTIONAL, (trials.stimulus, trials.behavior, irregular), strict=True))
    return {name: value for name, value in held.items() if value is not None}
