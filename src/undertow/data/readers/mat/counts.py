"""Counts in MATLAB files: one array, or one matrix per trial, and the arrays that go with them."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from undertow.data.readers import named_arrays
from undertow.data.readers.mat.values import cell_list, find_variable, plain_column
from undertow.data.readers.mat.variables import Variable, Variables
from undertow.errors import DataError
from undertow.memory import check_memory
from undertow.names import listed

AXES = ("trials", "time", "neurons")


def arrays_of(
    path: str | Path,
    variables: Variables,
    spikes: str,
    axes: str,
    wanted: named_arrays.Wanted,
) -> named_arrays.Arrays:
    """The counts `spikes`, (trials, time, neurons), with the arrays beside them.

    These are the ones that `read_npz` knows, by the same names.

    Args:
        path: names the file in errors.
        variables: of the file.
        spikes: the name of the counts.
        axes: the order of their axes in the file.
        wanted: further variables, which must be there.

    Raises:
        DataError: for counts of the wrong shape, or a wanted variable that is missing or no signal
            or column.
    """
    order = _order(axes)
    variable = variables[spikes]
    counts = (
        _padded(spikes, variable, order)
        if variable.kind == "cell"
        else _counts(path, spikes, variable, order)
    )
    spikes_shape = counts["spikes"].shape
    named_arrays.warn_unfit(
        path, _shapes(variables, spikes, order) | {"spikes": spikes_shape}, wanted
    )
    return {**_beside(path, variables, spikes, order, spikes_shape, wanted.named), **counts}


def _shapes(variables: Variables, spikes: str, order: list[int]) -> dict[str, tuple[int, ...]]:
    """Shapes of the numbers in a file by their last names, in the order of trials, time, rest."""
    found: dict[str, tuple[int, ...]] = {}
    for name, variable in variables.items():
        if name != spikes and variable.kind == "numbers":
            shape = variable.shape
            in_order = tuple(shape[axis] for axis in order) if len(shape) == 3 else shape
            if len(shape) == 3 or order == [0, 1, 2]:  # others may be signals of one channel
                found[name.rpartition(".")[2]] = in_order
    return found


def _order(axes: str) -> list[int]:
    """Where trials, time and neurons are among the axes of a file."""
    words = [word.strip() for word in axes.replace("×", ",").split(",")]
    if sorted(words) != sorted(AXES):
        raise DataError(f"axes is {axes!r}: it must name {listed(AXES)}, in the order of the file.")
    return [words.index(word) for word in AXES]


def _counts(
    path: str | Path, name: str, variable: Variable, order: list[int]
) -> named_arrays.Arrays:
    if variable.kind != "numbers" or len(variable.shape) != 3:
        raise DataError(
            f"{name} in {path} is {variable.kind} of shape {variable.shape}: it must be counts "
            "with three axes (trials, time and neurons, in the order that axes=… gives) or a cell "
            "array of spike times."
        )
    return {"spikes": variable.read().transpose(order)}


def _padded(name: str, variable: Variable, order: list[int]) -> named_arrays.Arrays:
    """Matrices of one trial each as one array, padded to the longest trial.

    Each is brought to time × neurons first; `lengths` are in bins.
    """
    if not variable.shape or 0 in variable.shape:
        raise DataError(f"{name} is an empty cell array: it must have one matrix per trial.")
    matrices = [cell if order[1] < order[2] else cell.T for cell in cell_list(name, variable)]
    sizes = {matrix.shape[1] for matrix in matrices}
    if len(sizes) > 1:
        raise DataError(
            f"{name} holds trials of {listed(sorted(sizes))} neurons: all must have the same "
            "number; "
            "axes=… says which axis of a trial's matrix they are on ('trials,neurons,time')."
        )
    lengths = np.array([len(matrix) for matrix in matrices])
    shape = (len(matrices), int(lengths.max()), sizes.pop())
    check_memory(
        12 * math.prod(shape),
        f"counts of {shape[0]} trials, padded to the longest of {shape[1]} bins,",
        "check the longest trial, or save them in narrower windows.",
    )
    spikes = np.full(shape, np.nan, np.float32)
    with np.errstate(over="ignore"):  # what becomes infinite is refused by name
        for trial, matrix in enumerate(matrices):
            spikes[trial, : len(matrix)] = matrix
    return {"spikes": spikes, "lengths": lengths}


def _beside(
    path: str | Path,
    variables: Variables,
    spikes: str,
    order: list[int],
    shape: tuple[int, ...],
    wanted: Sequence[str],
) -> named_arrays.Arrays:
    """The arrays that go with counts: those with a known name, those wanted, and all signals."""
    arrays: dict[str, np.ndarray] = {}
    signals = {
        name.rpartition(".")[2]: name
        for name, variable in variables.items()
        if name != spikes and _is_signal(variable, order, shape)
    }
    for name in (*named_arrays.KNOWN, *wanted, *signals):
        found = find_variable(variables, spikes, name)
        if found is None and name in wanted:
            raise DataError(f"{path} has no variable {name!r}: there is {listed(variables)}.")
        if found is None or found == spikes:
            continue
        if _is_signal(variables[found], order, shape):
            values = variables[found].read()
            arrays[name] = values[..., None] if values.ndim == 2 else values.transpose(order)
        elif (column := plain_column(variables[found].read())) is not None:
            arrays[name] = column
        elif name in wanted:
            raise DataError(
                f"{found} in {path} is {variables[found]}: it must hold one value per trial, or "
                "trials, time and channels as the counts do."
            )
    return arrays


def _is_signal(variable: Variable, order: list[int], shape: tuple[int, ...]) -> bool:
    """True for numbers over the same trials and bins; MATLAB drops a last axis of one channel."""
    if variable.kind != "numbers" or len(variable.shape) not in (2, 3):
        return False
    if len(variable.shape) == 2:
        return order == [0, 1, 2] and variable.shape == shape[:2] and 1 not in shape[:2]
    return (variable.shape[order[0]], variable.shape[order[1]]) == shape[:2]
