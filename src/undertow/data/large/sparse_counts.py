"""`SparseCounts`: counts held by the bins and neurons in which there were spikes."""

from collections.abc import Iterable

import numpy as np

from undertow.data.large.lazy_counts import LazyCounts
from undertow.errors import DataError

MOST_PLACES = 2**32
MISSING = 0
"""Stands for NaN among the values: zeros are not held."""


class SparseCounts(LazyCounts):
    """Counts of which most are zero: five bytes for each that is not.

    Args:
        starts, stops: the entries of trial k are starts[k] to stops[k], (trials,).
        places: bin · neurons + neuron of each entry, uint32.
        values: its count; 0 for not observed.
        n_time, n_neurons: sizes.
    """

    def __init__(
        self,
        starts: np.ndarray,
        stops: np.ndarray,
        places: np.ndarray,
        values: np.ndarray,
        n_time: int,
        n_neurons: int,
    ) -> None:
        check_places(n_time, n_neurons)
        super().__init__(len(starts), n_time, n_neurons)
        self._starts, self._stops = starts, stops
        self._places, self._values, self._n_time = places, values, n_time

    @classmethod
    def of(cls, arrays: Iterable[np.ndarray]) -> "SparseCounts":
        """From counts of some trials after others, (trials, time, neurons) each.

        Raises:
            DataError: where bins and neurons are too many to be told apart, or there are no trials.
        """
        numbers, places, values, shape = [np.zeros(1, np.int64)], [], [], None
        for array in arrays:
            shape = array.shape[1:]
            check_places(*shape)
            flat = array.reshape(len(array), -1)
            trial, place = np.nonzero(flat)
            found = flat[trial, place]
            numbers.append(np.bincount(trial, minlength=len(array)))
            places.append(place.astype(np.uint32))
            values.append(smallest(np.where(np.isnan(found), MISSING, found)))
        if shape is None:
            raise DataError("there are no counts to hold: give at least one trial.")
        ends = np.cumsum(np.concatenate(numbers))
        held = np.concatenate(places), np.concatenate(values)
        return cls(ends[:-1], ends[1:], *held, *shape)

    @property
    def held_bytes(self) -> int:
        """Bytes they take."""
        arrays = self._starts, self._stops, self._places, self._values
        return sum(array.nbytes for array in arrays)

    def _source(self) -> object:
        return self._places

    def _read(self, trials: np.ndarray) -> np.ndarray:
        found = np.zeros((len(trials), self._n_time * self._n_neurons), np.float32)
        for row, trial in zip(found, trials, strict=True):
            part = slice(self._starts[trial], self._stops[trial])
            values = self._values[part].astype(np.float32)
            values[values == MISSING] = np.nan
            row[self._places[part]] = values
        return found.reshape(len(trials), self._n_time, self._n_neurons)


def check_places(n_time: int, n_neurons: int) -> None:
    """Refuse trials with more bins of neurons than places can tell apart."""
    if n_time * n_neurons >= MOST_PLACES:
        raise DataError(
            f"a trial of {n_time} bins and {n_neurons} neurons is too large to be held sparsely: "
            "cut shorter windows."
        )


def whole_numbers(counts: np.ndarray, kind: np.dtype) -> np.ndarray:
    """Counts as whole numbers of a kind, whose highest stands for NaN."""
    unknown = np.isnan(counts)
    found = np.where(unknown, 0, counts).astype(kind)
    found[unknown] = np.iinfo(kind).max
    return found


def smallest(values: np.ndarray) -> np.ndarray:
    """Whole numbers from zero on in as few bytes as hold them."""
    most = int(values.max(initial=0))
    kind = np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32
    return values.astype(kind)
