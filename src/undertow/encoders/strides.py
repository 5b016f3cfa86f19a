"""Strides: several bins read as one, for networks that would be slow over every bin of a trial."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Strides:
    """Trials cut into strides of `width` bins from their first one; the last may be shorter.

    Attributes:
        bins_of: bins in each trial, (trials,).
        n_time: bins of the window.
        width: bins of a stride; 1 leaves everything as it is.
    """

    bins_of: Tensor
    n_time: int
    width: int

    @property
    def lengths(self) -> Tensor:
        """Strides in each trial, (trials,)."""
        return (self.bins_of + self.width - 1) // self.width

    def summed(self, values: Tensor) -> Tensor:
        """Add up the values of each stride, (trials, time, …) → (trials, strides, …)."""
        if self.width == 1:
            return values
        missing = -self.n_time % self.width
        return F.pad(values, (0, 0, 0, missing)).unflatten(1, (-1, self.width)).sum(2)

    def spread(self, values: Tensor) -> Tensor:
        """Read values of strides (trials, strides, …) at every bin; see `at`."""
        if self.width == 1:
            return values
        return self.at(values, torch.arange(self.n_time, device=values.device)[None])

    def at(self, values: Tensor, bins: Tensor) -> Tensor:
        """Read values of strides at `bins` (trials or 1, K), off straight lines.

        A value stands at its stride's middle; before the first and after the trial's last, that
        one is held, so that nothing past a trial's end is read within it.
        """
        if self.width == 1:
            return _rows(values, bins.expand(len(values), -1))
        place = ((bins - (self.width - 1) / 2) / self.width).clamp(min=0)
        last = (self.lengths - 1)[:, None]
        before = torch.minimum(place.floor().long(), last)
        after = torch.minimum(before + 1, last)
        share = (place - place.floor()).to(values.dtype)[..., None]
        return torch.lerp(_rows(values, before), _rows(values, after), share)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Pick entries `index` (trials, time) of values (trials, strides, …)."""
    first = values.shape[1] * torch.arange(len(values), device=index.device)
    flat = (first[:, None] + index).flatten()
    return values.flatten(0, 1).index_select(0, flat).unflatten(0, index.shape)
