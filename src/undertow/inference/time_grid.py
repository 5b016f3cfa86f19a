"""`TimeGrid`: when a solver steps, and how states at the observations are read off its path."""

from dataclasses import dataclass, replace
from math import isclose

import torch
from torch import Tensor

from undertow.errors import ModelError


@dataclass(frozen=True)
class TimeGrid:
    """Steps between observation times, in seconds; rows are trials, or one row for all of them.

    Attributes:
        starts_s: start of each step, (trials or 1, steps).
        steps_s: length of each step, (trials or 1, steps).
        before, after: the path's entries on both sides of each observation, (times,).
        weight: share of the entry after it, (trials or 1, times); None where every observation is
            an entry of the path.
        steps_per_bin: steps from one observation to the next; below 1 where a step spans several.
        step_s: length of every step, where all are equally long by construction; None else.
    """

    starts_s: Tensor
    steps_s: Tensor
    before: Tensor
    after: Tensor
    weight: Tensor | None
    steps_per_bin: float = 1.0
    step_s: float | None = None

    @classmethod
    def regular(cls, bins: int, bin_s: float, steps_per_bin: int, like: Tensor) -> "TimeGrid":
        """Make a grid over bins of equal width, each of as many equal steps, for all trials.

        Args:
            bins: from the first observation to the last.
            bin_s: width of each in seconds.
            steps_per_bin: steps in each.
            like: a tensor that gives type and device.
        """
        step_s = bin_s / steps_per_bin
        starts = step_s * torch.arange(bins * steps_per_bin, device=like.device, dtype=like.dtype)
        entries = torch.arange(bins + 1, device=like.device) * steps_per_bin
        return cls(
            starts[None],
            torch.full_like(starts, step_s)[None],
            entries,
            entries,
            None,
            steps_per_bin,
            step_s,
        )

    @classmethod
    def over(cls, times_s: Tensor, bins_per_step: float = 1.0) -> "TimeGrid":
        """Make a grid from the first observation to the last.

        Args:
            times_s: observation times, increasing, (trials or 1, times); NaN past a trial's end,
                where the grid goes on with the trial's last interval.
            bins_per_step: observations a step spans: a whole number (2 in ElGazzar & van Gerven,
                Table 2; the states between are interpolated linearly) or one over a whole number
                (several steps from one to the next).

        Raises:
            ModelError: for a number that is neither.
        """
        times_s = _extended(times_s)
        if bins_per_step >= 1:
            return cls._coarse(times_s, _whole(bins_per_step, bins_per_step))
        return cls._fine(
            times_s, _whole(1 / bins_per_step if bins_per_step > 0 else 0.0, bins_per_step)
        )

    @classmethod
    def _fine(cls, times_s: Tensor, substeps: int) -> "TimeGrid":
        n_time = times_s.shape[1]
        share = torch.arange(substeps, device=times_s.device, dtype=times_s.dtype) / substeps
        gaps = times_s.diff(dim=1)
        starts = times_s[:, :-1, None] + gaps[..., None] * share
        steps = (gaps / substeps)[..., None].expand_as(starts)
        entries = torch.arange(n_time, device=times_s.device) * substeps
        return cls(starts.flatten(1), steps.flatten(1), entries, entries, None, substeps)

    @classmethod
    def _coarse(cls, times_s: Tensor, bins: int) -> "TimeGrid":
        if bins == 1:
            return cls._fine(times_s, 1)
        last = times_s.shape[1] - 1
        observations = torch.arange(last + 1, device=times_s.device)
        # the last observation ends the last step, which may be shorter than the others
        nodes = torch.cat([observations[:-1:bins], observations[-1:]])
        after = (observations + bins - 1) // bins  # the node itself where an observation is one
        before = (after - 1).clamp(min=0)
        start, stop = times_s[:, nodes[before]], times_s[:, nodes[after]]
        weight = (times_s - start) / (stop - start).clamp(min=torch.finfo(times_s.dtype).tiny)
        node_s = times_s[:, nodes]
        return cls(node_s[:, :-1], node_s.diff(dim=1), before, after, weight, 1 / bins)

    def __len__(self) -> int:
        """Number of steps."""
        return self.steps_s.shape[1]

    def repeated(self, times: int) -> "TimeGrid":
        """Return the grid with every trial as many times in a row; one row for all stays one."""
        if len(self.starts_s) == 1:
            return self
        names = ("starts_s", "steps_s", "weight")
        held = {name: getattr(self, name) for name in names}
        rows = {name: v.repeat_interleave(times, 0) for name, v in held.items() if v is not None}
        return replace(self, **rows)

    def every_entry(self) -> "TimeGrid":
        """Return the grid with an observation at every entry of the path."""
        entries = torch.arange(len(self) + 1, device=self.steps_s.device)
        return replace(self, before=entries, after=entries, weight=None, steps_per_bin=1.0)

    def at_observations(self, path: Tensor) -> Tensor:
        """Read states (trials, times, dim) at the observations off a path's entries.

        The entries are (trials, steps + 1, dim).
        """
        if self.weight is None:
            # every so manyth entry: a view, whose gradient needs no scatter
            return path if self.steps_per_bin == 1 else path[:, :: round(self.steps_per_bin)]
        return torch.lerp(
            path[:, self.before], path[:, self.after], self.weight[..., None].to(path.dtype)
        )

    def held(self, values: Tensor) -> Tensor:
        """Hold the values of each bin (trials, bins, dim) over its steps, (trials, steps, dim)."""
        if self.steps_per_bin == 1:
            return values
        # one copy of an expanded view: a third of what repeat_interleave takes
        return values[:, :, None].expand(-1, -1, round(self.steps_per_bin), -1).flatten(1, 2)

    def inside(self, lengths: Tensor) -> Tensor:
        """Mark the steps that begin before a trial's last observation, (trials, steps)."""
        last = self.after[lengths - 1]
        return torch.arange(len(self), device=lengths.device) < last[:, None]


def _extended(times_s: Tensor) -> Tensor:
    """Replace NaN at the end of a row by times that continue with its last interval."""
    missing = times_s.isnan()
    if not missing.any():
        return times_s
    known = (~missing).sum(1)
    rows = torch.arange(len(times_s), device=times_s.device)
    last = times_s[rows, known - 1]
    gap = torch.where(known > 1, last - times_s[rows, (known - 2).clamp(min=0)], 1.0)
    beyond = torch.arange(times_s.shape[1], device=times_s.device) - (known - 1)[:, None]
    return torch.where(missing, last[:, None] + beyond * gap[:, None], times_s)


def _whole(value: float, given: float) -> int:
    if not (value >= 1 and isclose(value, round(value), rel_tol=1e-6)):
        raise ModelError(
            f"bins_per_step is {given}: it must be a whole number of bins, or one over a whole "
            "number, such as 0.5."
        )
    return round(value)
