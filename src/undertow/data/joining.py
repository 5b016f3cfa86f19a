"""Joining TrialSets of one population."""

from typing import Any

import numpy as np

from undertow.data.large import LazyCounts, joined
from undertow.data.selecting import PER_TRIAL
from undertow.data.sharing import sealed
from undertow.data.trialset import TrialSet
from undertow.errors import DataError
from undertow.names import shown

SHARED = (
    "bin_s",
    "start_s",
    "event",
    "forward_bins",
    "behavior_names",
    "behavior_kind",
    "stimulus_names",
)


def join_trials(first: TrialSet, *others: TrialSet) -> TrialSet:
    """The trials of several sets as one set, in the order given.

    Where trials lie in the recording (`recorded_s`) is kept where all sets know it; sets of several
    recordings, whose clocks say nothing of one another, are joined without it:
    `join_trials(first.replace(recorded_s=None), second)`.

    Raises:
        DataError: when they differ in neurons, held-out neurons, bins or what they hold.
    """
    changes: dict[str, Any] = {}
    for other in (first, *others):
        if not isinstance(other, TrialSet):
            raise DataError(f"cannot join {shown(other)}: give TrialSets.")
        same_neurons = np.array_equal(first.neuron_ids, other.neuron_ids)
        if not (
            same_neurons
            and np.array_equal(first.heldout, other.heldout)
            and first.n_time == other.n_time
        ):
            raise DataError(
                f"{first} and {other} cannot be joined: neurons, held-out neurons and bins must be "
                "the same."
            )
        for name in SHARED:
            if getattr(first, name) != getattr(other, name):
                raise DataError(f"{first} and {other} cannot be joined: {name} differs.")
    for name in PER_TRIAL:
        parts = [getattr(each, name) for each in (first, *others)]
        missing = [part is None for part in parts]
        if name == "recorded_s" and any(missing):
            changes[name] = None  # what overlaps is known of all trials or of none
            continue
        if any(missing) and not all(missing):
            raise DataError(f"the sets cannot be joined: only some of them hold {name}.")
        if not any(missing):
            lazily = any(isinstance(part, LazyCounts) for part in parts)
            changes[name] = joined(parts) if lazily else side_by_side(parts)
    changes["labels"] = _joined_labels((first, *others))
    return first.replace(**changes)


def side_by_side(parts: list[np.ndarray]) -> np.ndarray:
    """The parts one after the other along the first axis; read-only.

    Where they already lie so in one array, as the parts of a split do, nothing is copied.
    """
    whole, last = parts[0].base, parts[0]
    adjacent = (
        isinstance(whole, np.ndarray) and whole.ndim == last.ndim and whole.flags.c_contiguous
    )
    for part in parts[1:]:
        adjacent &= part.base is whole and _address(part) == _address(last) + last.nbytes
        last = part
    if not adjacent or not isinstance(whole, np.ndarray) or not whole.nbytes:
        return sealed(np.concatenate(parts))
    row_bytes = whole.nbytes // len(whole)
    first = (_address(parts[0]) - _address(whole)) // row_bytes
    return whole[first : first + sum(len(part) for part in parts)]


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def _joined_labels(sets: tuple[TrialSet, ...]) -> dict[str, np.ndarray]:
    names = list(sets[0].labels)
    if any(set(each.labels) != set(names) for each in sets):
        raise DataError("the sets cannot be joined: only some of them hold the same labels.")
    return {name: np.concatenate([each.labels[name] for each in sets]) for name in names}
