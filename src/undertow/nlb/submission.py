"""Submissions to the Neural Latents Benchmark: predicted rates by group, in memory and as HDF5."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np
from numpy.typing import ArrayLike

from undertow.data.readers.hdf5_file import declared, opened_hdf5
from undertow.data.readers.nlb_schema import read_arrays
from undertow.data.readers.nlb_sets import nlb_set, parse_group
from undertow.data.readers.schema import NUMBERS
from undertow.errors import DataError
from undertow.names import listed
from undertow.streams import hdf5_stream

if TYPE_CHECKING:
    import h5py

TRAIN = ("train_rates_heldin", "train_rates_heldout")
EVAL = ("eval_rates_heldin", "eval_rates_heldout")
FORWARD = ("eval_rates_heldin_forward", "eval_rates_heldout_forward")
PAIRS = (TRAIN, EVAL, FORWARD)
KNOWN = (*TRAIN, *EVAL, *FORWARD)


@final
class Submission(Mapping[str, Mapping[str, np.ndarray]]):
    """Predicted rates of one or more sets: a mapping from group name to arrays by name.

    A group is named after the set and its bin width ('mc_maze' at 5 ms, 'mc_maze_20' at 20 ms). It
    holds `{train,eval}_rates_{heldin,heldout}` and, where forward bins are predicted,
    `eval_rates_{heldin,heldout}_forward`; for 'dmfc_rsg' the training rates may be left out. Rates
    are expected spikes **per bin**, (trials, time, neurons), and are kept in float32, as the file
    has them, so that a submission and its file have the same scores. NaN is allowed here and
    refused by a score that needs the value.

    Several sets go into one: `Submission({**large, **medium, **small})`.

    Raises:
        DataError: naming the group and the array, when one is missing, unknown, of the wrong shape,
            negative or infinite.
    """

    def __init__(self, rates: Mapping[str, Mapping[str, ArrayLike]]) -> None:
        if not rates:
            raise DataError("the submission holds no group: give the rates of at least one set.")
        self._rates = {group: _checked(group, arrays) for group, arrays in rates.items()}

    def __getitem__(self, group: str) -> Mapping[str, np.ndarray]:
        return self._rates[group]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rates)

    def __len__(self) -> int:
        return len(self._rates)

    def __repr__(self) -> str:
        return f"Submission({listed(self)})"


def _checked(group: str, given: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """The arrays of one group, float32 and read-only, in the benchmark's order."""
    _check_names(group, given)
    arrays = {name: _rates(f"{group}/{name}", given[name]) for name in KNOWN if name in given}
    _check_shapes(group, {name: array.shape for name, array in arrays.items()})
    return arrays


def _check_names(group: str, given: Collection[str]) -> None:
    """Check that a group is the benchmark's, and holds what it must and nothing else."""
    set_name, _ = parse_group(group)
    if unknown := [name for name in given if name not in KNOWN]:
        raise DataError(f"{group} holds {listed(unknown)}: a submission holds {listed(KNOWN)}.")
    required = EVAL if nlb_set(set_name).produced_column else (*TRAIN, *EVAL)
    for pair in PAIRS:
        missing = [name for name in pair if name not in given]
        if missing and (len(missing) == 1 or missing[0] in required):
            raise DataError(f"{group} has no {missing[0]}: give {pair[0]} and {pair[1]}.")


def _rates(name: str, given: ArrayLike) -> np.ndarray:
    """An array of rates in float32, checked in all but its sizes."""
    try:
        with np.errstate(over="ignore"):
            array = np.asarray(given)
            if array.dtype.kind not in f"{NUMBERS}O":  # NumPy would drop imaginary parts
                raise TypeError(f"rates of {array.dtype}")
            rates = np.asarray(array, dtype=np.float32).view()
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"{name} is not a plain numeric array: pass expected spikes per bin."
        ) from None
    _check_axes(name, rates.shape)
    if bad := int(np.sum((rates < 0) | np.isinf(rates))):
        raise DataError(
            f"{name} holds {bad} negative or infinite value(s): expected spikes per bin are finite "
            "and zero or more."
        )
    rates.flags.writeable = False
    return rates


def _check_axes(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 3:
        raise DataError(f"{name} has shape {shape}: it must be (trials, time, neurons).")


def _check_shapes(group: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Check that the shapes of all arrays of a group fit together.

    Pairs agree in trials and bins, parts in neurons, window and forward bins in trials.
    """
    for name, shape in shapes.items():
        _check_axes(f"{group}/{name}", shape)
    n_trials, n_time = shapes[EVAL[0]][:2]
    for pair in PAIRS:
        if pair[0] not in shapes:
            continue
        n_rows, n_bins = shapes[pair[0]][:2]
        for name, reference in zip(pair, EVAL, strict=True):
            expected = (
                n_rows if pair == TRAIN else n_trials,
                n_bins if pair == FORWARD else n_time,
                shapes[reference][2],
            )
            if shapes[name] != expected:
                raise DataError(
                    f"{group}/{name} has shape {shapes[name]}: beside the other arrays it "
                    f"must be {expected}."
                )


def write_submission(submission: Submission, path: str | Path, overwrite: bool = False) -> Path:
    """Write a submission as the benchmark's HDF5: a group a set, float32 rates, gzip.

    The file is written under a temporary name and moved into place.

    Raises:
        DataError: when the file exists and `overwrite` is False, or its folder is not there.
    """
    import h5py

    with hdf5_stream(path, overwrite) as stream, h5py.File(stream, "w") as file:
        for group, arrays in submission.items():
            for name, rates in arrays.items():
                file.create_dataset(f"{group}/{name}", data=rates, compression="gzip")
    return Path(path)


def read_submission(path: str | Path) -> Submission:
    """Read a submission file, written by this library or another.

    Arrays of other names are passed over.

    Raises:
        DataError: when the file cannot be read or holds no group, or as `Submission`.
    """
    with opened_hdf5(path) as file:
        groups = {name: item for name, item in file.items() if hasattr(item, "keys")}
        if not groups:
            raise DataError(
                f"{path} holds no group: a submission has one a set, such as 'mc_maze_20'."
            )
        arrays = read_arrays(path, _datasets(groups))
    return Submission(
        {
            group: {n: arrays.pop(f"{group}/{n}") for n in KNOWN if f"{group}/{n}" in arrays}
            for group in groups
        }
    )


def _datasets(groups: Mapping[str, "h5py.Group"]) -> dict[str, "h5py.Dataset"]:
    """The datasets of rates by 'group/name', seen to fit together before any is read."""
    found: dict[str, h5py.Dataset] = {}
    for group, item in groups.items():
        datasets = {name: item[name] for name in KNOWN if name in item}
        _check_names(group, datasets)
        shapes = {name: declared(each).shape for name, each in datasets.items()}
        _check_shapes(group, shapes)
        found |= {f"{group}/{name}": each for name, each in datasets.items()}
    return found
