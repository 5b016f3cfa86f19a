"""Counts in MATLAB files: one array, or one matrix per trial, and the arrays that go with them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from undertow.data.readers import npz
from undertow.data.readers.mat.values import cell_list, find_variable, plain_column
from undertow.data.readers.mat.variables import Variable, Variables
from undertow.errors import DataError
from undertow.names import listed

AXES = ("trials", "time", "neurons")


def arrays_of(
    path: str | Path, variables: Variables, spikes: str, axes: str, wanted: Sequence[str]
) -> npz.Arrays:
    """The counts `spikes`, (trials, time, neurons), with the arrays beside them.

    These are the ones that `read_npz` knows, by the same names.

    Args:
        path: names the file in errors.
        variables: of the file.
        spikes: the name of the counts.
        axes: the order of their axes in the file.
        wanted: further variables that must be there.

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
    return (
        _beside(path, variables, spikes, order, np.asarray(counts["spikes"]).shape, wanted) | counts
    )


def _order(axes: str) -> list[int]:
    """Where trials, time and neurons are among the axes of a file."""
    words = [word.strip() for word in axes.replace("×", ",").split(",")]
    if sorted(words) != sorted(AXES):
        raise DataError(f"axes is {axes!r}: it must name {listed(AXES)}, in the order of the file.")
    return [words.index(word) for word in AXES]


def _counts(path: str | Path, name: str, variable: Variable, order: list[int]) -> npz.Arrays:
    if variable.kind != "numbers" or len(variable.shape) != 3:
        raise DataError(
            f"{name} in {path} is {variable.kind} of shape {variable.shape}: it must be counts "
            "with three axes (trials, time and neurons, in the order that axes=… gives) or a cell "
            "array of spike times."
        )
    return {"spikes": variable.read().transpose(order)}


def _padded(name: str, variable: Variable, order: list[int]) -> npz.Arrays:
    """Matrices of one trial each as one array, padded to the longest trial.

    Each is brought to time × neurons first; `lengths` are in bins.
    """
    matrices = [cell if order[1] < order[2] else cell.T for cell in cell_list(name, variable)]
    sizes = {matrix.shape[1] for matrix in matrices}
    if len(sizes) > 1:
        raise DataError(
            f"{name} holds trials of {listed(sorted(sizes))} neurons: all must have the same "
            "number; "
            "axes=… says which axis of a trial's matrix they are on ('trials,neurons,time')."
        )
    lengths = np.array([len(matrix) for matrix in matrices])
    spikes = np.full((len(matrices), lengths.max(), sizes.pop()), np.nan, np.float32)
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
) -> npz.Arrays:
    """The arrays that go with counts: those with a known name, those wanted, and all signals."""
    arrays: npz.Arrays = {}
    signals = {
        name.rpartition(".")[2]: name
        for name, variable in variables.items()
        if name != spikes and _is_signal(variable, order, shape)
    }
    for name in (*npz.KNOWN, *wanted, *signals):
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
