"""`LazyCounts`: counts that behave as an array and are read a few trials at a time."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from undertow.memory import blocks, check_memory

ALL = slice(None)


class LazyCounts(NDArrayOperatorsMixin, ABC):
    """Counts per bin, (trials, time, neurons) float32, NaN where not observed; read-only.

    They are read when asked for: an index that chooses trials gives an array, one that keeps all of
    them other `LazyCounts`, and whatever needs all numbers at once (arithmetic, `np.asarray`) reads
    them all, if there is memory for them. Values are checked where the counts are made.

    Args:
        n_trials, n_time, n_neurons: sizes of all that can be read.
    """

    ndim = 3
    dtype = np.dtype(np.float32)

    def __init__(self, n_trials: int, n_time: int, n_neurons: int) -> None:
        self._trials, self._neurons = np.arange(n_trials), np.arange(n_neurons)
        self._bins, self._lengths = range(n_time), None
        self._n_neurons = n_neurons

    _lengths: np.ndarray | None

    @abstractmethod
    def _read(self, trials: np.ndarray) -> np.ndarray:
        """Some trials, all bins and neurons, as a fresh float32 array."""

    @abstractmethod
    def _source(self) -> object:
        """What is read from: parts of one source can be joined."""

    # --- what an array has ---------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self._trials), len(self._bins), len(self._neurons)

    @property
    def size(self) -> int:
        return int(np.prod(self.shape, dtype=object))

    @property
    def nbytes(self) -> int:
        """Bytes of the array they stand for."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self._trials)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.block(np.array([k]))[0] for k in range(len(self)))

    def __repr__(self) -> str:
        sizes = " × ".join(map(str, self.shape))
        return f"{type(self).__name__}({sizes})"

    def __getattr__(self, name: str) -> Any:
        """Whatever else arrays have, such as `astype` and `reshape`: that of all numbers."""
        if name.startswith("_") or not hasattr(np.ndarray, name):
            raise AttributeError(f"{type(self).__name__} has no {name}.")
        return getattr(np.asarray(self), name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("counts that are read from elsewhere cannot be had without a copy.")
        sizes = " × ".join(map(str, self.shape))
        check_memory(
            self.nbytes,
            f"counts of {sizes} trials, bins and neurons, all at once,",
            "choose some of the trials or neurons.",
        )
        found = self.block(ALL)
        return found if dtype is None else found.astype(dtype, copy=False)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        read = [np.asarray(x) if isinstance(x, LazyCounts) else x for x in inputs]
        return getattr(ufunc, method)(*read, **options)

    def __getitem__(self, key: Any) -> Any:
        trials, bins, neurons = _three(key)
        if not isinstance(bins, slice) or bins.step not in (None, 1) or np.ndim(neurons) > 1:
            return np.asarray(self)[key]
        if isinstance(trials, slice) and trials.indices(len(self)) == (0, len(self), 1):
            if isinstance(neurons, slice) or np.ndim(neurons) == 1:
                return self.part(bins=bins, neurons=neurons)
            return np.asarray(self.part(bins=bins))[:, :, neurons]
        if np.ndim(trials) > 1 or (np.ndim(trials) == 1 and np.ndim(neurons) == 1):
            return np.asarray(self)[key]  # indices in pairs
        if isinstance(trials, slice) or np.ndim(trials) == 1:
            return self.part(bins=bins).block(trials)[:, :, neurons]
        one = np.arange(len(self))[trials]
        return self.part(bins=bins).block(np.array([one]))[0][:, neurons]

    def _copy(self) -> Self:
        """A copy to change; it has totals of its own."""
        found = copy.copy(self)
        found.__dict__.pop("totals", None)
        return found

    # --- parts ---------------------------------------------------------------------------------

    def part(self, trials: Any = ALL, bins: slice = ALL, neurons: Any = ALL) -> Self:
        """Some trials, bins side by side and neurons; nothing is read."""
        found = self._copy()
        found._trials, found._neurons = self._trials[trials], self._neurons[neurons]
        found._bins = self._bins[bins]
        if self._lengths is not None:
            inside = np.clip(self._lengths - bins.indices(len(self._bins))[0], 0, len(found._bins))
            found._lengths = inside[trials]
        return found

    def ended(self, lengths: np.ndarray) -> Self:
        """The same with NaN past each trial's end; `lengths` in bins, (trials,)."""
        if (lengths == len(self._bins)).all():
            return self
        found = self._copy()
        found._lengths = lengths if self._lengths is None else np.minimum(lengths, self._lengths)
        return found

    def joined(self, others: "Sequence[LazyCounts]") -> "LazyCounts | None":
        """Parts of one source one after the other, where they have bins and neurons in common."""
        every: list[LazyCounts] = [self, *others]
        if not all(
            each._source() is self._source()
            and each._bins == self._bins
            and np.array_equal(each._neurons, self._neurons)
            for each in every
        ):
            return None
        found = self._copy()
        found._trials = np.concatenate([each._trials for each in every])
        if any(each._lengths is not None for each in every):
            full = [np.full(len(each), len(each._bins)) for each in every]
            found._lengths = np.concatenate(
                [
                    whole if each._lengths is None else each._lengths
                    for whole, each in zip(full, every, strict=True)
                ]
            )
        return found

    def block(self, trials: Any) -> np.ndarray:
        """Read some trials, by index, slice or mask, as an array."""
        values = self._read(self._trials[trials])
        values = values[:, self._bins.start : self._bins.stop]
        if len(self._neurons) < self._n_neurons or (np.diff(self._neurons) != 1).any():
            values = values[:, :, self._neurons]
        if self._lengths is not None:
            past = np.arange(values.shape[1]) >= self._lengths[trials][:, None]
            values[past] = np.nan
        return values

    @cached_property
    def totals(self) -> tuple[np.ndarray, np.ndarray]:
        """Sum of what is observed and number of observed bins, both (neurons,)."""
        total, observed = np.zeros(self.shape[2]), np.zeros(self.shape[2], int)
        for part in blocks(len(self), self.nbytes / max(len(self), 1)):
            values = self.block(part)
            total += np.nansum(values, axis=(0, 1), dtype=np.float64)
            observed += np.isfinite(values).sum(axis=(0, 1))
        return total, observed


def _three(key: Any) -> tuple[Any, Any, Any]:
    """Keys of trials, bins and neurons; of bins None for what is none of these."""
    parts = list(key) if isinstance(key, tuple) else [key]
    if any(part is None for part in parts) or sum(part is Ellipsis for part in parts) > 1:
        return key, None, None
    at = next((k for k, part in enumerate(parts) if part is Ellipsis), len(parts))
    parts[at : at + 1] = [ALL] * (3 - len(parts) + (at < len(parts)))
    if len(parts) != 3:
        return key, None, None
    parts = [each if isinstance(each, slice | int) else np.asarray(each) for each in parts]
    return parts[0], parts[1], parts[2]
