"""What a file says of its arrays, checked before any of them is read."""

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from undertow.errors import DataError
from undertow.memory import check_memory, in_words
from undertow.names import printable

NUMBERS, PLAIN = "biuf", "biufUS"
"""Kinds of NumPy's types: numbers, and what may stand for a label."""
WORDS = {
    "c": "complex numbers",
    "M": "dates",
    "m": "durations",
    "O": "objects",
    "V": "records",
    "U": "text",
    "S": "text",
    "T": "text",
}
MOST_PACKED = 2000
"""Times an array may be larger than what a file keeps of it; gzip packs at most 1,032 to 1."""
FREE = 1e9
"""Bytes below which nobody asks how well an array is packed."""
REASON = 200
"""Characters of another library's message."""


class Declared(NamedTuple):
    """One array, as its file declares it.

    Attributes:
        name: in the file.
        shape, dtype: of the array.
        stored: bytes that the file keeps of it; None where it does not say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    stored: int | None = None

    @property
    def size(self) -> int:
        """Values, as a Python number, which does not overflow."""
        return math.prod(self.shape)


def damaged(path: str | Path, what: str, error: object) -> DataError:
    """The error for a file that breaks its format; `what` names the format."""
    reason = printable(" ".join(str(error).split()) or type(error).__name__, REASON)
    return DataError(
        f"{path} cannot be read as {what} (cut short, damaged, or another kind of file): {reason}"
    )


def check_sizes(path: str | Path, arrays: Iterable[Declared]) -> None:
    """Refuse arrays that the file cannot hold, or that memory cannot.

    Reading takes the arrays themselves, and two float32 copies of their values.

    Raises:
        DataError: naming the array and its size, or the memory that all would take.
    """
    arrays = list(arrays)
    check_whole(path, arrays)
    needed = sum(each.size * (each.dtype.itemsize + 8) for each in arrays)
    largest = max(arrays, key=lambda each: each.size * each.dtype.itemsize, default=None)
    if largest is not None:
        check_memory(
            needed,
            f"reading {path}, with {printable(largest.name)} of {_shape(largest.shape)},",
            "check that the file is whole; else save fewer trials or neurons in it.",
        )


def check_whole(path: str | Path, arrays: Iterable[Declared]) -> None:
    """Refuse arrays that the file cannot hold.

    Raises:
        DataError: naming the array and its size.
    """
    for each in arrays:
        size = each.size * each.dtype.itemsize
        if each.stored is not None and size > max(FREE, MOST_PACKED * each.stored):
            raise DataError(
                f"{printable(each.name)} in {path} declares {in_words(size)} "
                f"({_shape(each.shape)} of {each.dtype}), and the file holds "
                f"{in_words(each.stored)} of it: it is damaged or was never written."
            )


def check_kind(path: str | Path, name: str, dtype: np.dtype, kinds: str = NUMBERS) -> None:
    """Refuse what is not of the kinds (`NUMBERS` or `PLAIN`).

    Raises:
        DataError: naming the array and what it holds.
    """
    if dtype.kind not in kinds:
        rule = "numbers" if kinds == NUMBERS else "numbers or text"
        raise DataError(
            f"{printable(name)} in {path} holds {WORDS.get(dtype.kind, 'something else')} "
            f"(dtype {printable(str(dtype), 40)}): it must hold {rule}."
        )


def single(path: str | Path, name: str, array: np.ndarray) -> Any:
    """The one plain value of an array.

    Raises:
        DataError: for several values, or none.
    """
    if array.size != 1:
        raise DataError(
            f"{printable(name)} in {path} has shape {_shape(array.shape)}: it must be a single "
            "value."
        )
    check_kind(path, name, array.dtype, PLAIN)
    return text_checked(path, name, array).reshape(-1)[0].item()


def text_checked(path: str | Path, name: str, array: np.ndarray) -> np.ndarray:
    """The array; bytes and objects of text as text, and text seen to be Unicode.

    Raises:
        DataError: for text that is not.
    """
    try:
        if array.dtype.kind == "S":
            return np.char.decode(array, "utf-8")
        if array.dtype.kind == "O" and all(isinstance(v, str | bytes) for v in array.ravel()):
            texts = [v.decode("utf-8") if isinstance(v, bytes) else v for v in array.ravel()]
            array = np.array(texts, dtype=str).reshape(array.shape)
        if array.dtype.kind == "U":
            for text in array.ravel().tolist():
                text.encode("utf-8")
    except ValueError:  # what no character stands for, also half of one
        raise DataError(
            f"{printable(name)} in {path} holds text that is no UTF-8: save it as UTF-8, or as "
            "numbers."
        ) from None
    return array


def indices(path: str | Path, name: str, values: Any, n: int, what: str) -> np.ndarray:
    """Whole numbers from 0 up to, not including, `n`, as positions of `what` ('trials').

    Raises:
        DataError: naming the first that is none.
    """
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in NUMBERS):
        raise DataError(
            f"{printable(name)} in {path} has shape {_shape(array.shape)}, dtype {array.dtype}: it "
            f"must be a list of positions of {what}."
        )
    fits = (array >= 0) & (array < n) & (array == np.floor(array))
    if not fits.all():
        raise DataError(
            f"{printable(name)} in {path} holds {array[~fits][0]:g}: there are {n} {what}, counted "
            "from 0."
        )
    return array.astype(np.int64)


def unfit(path: str | Path, left_out: Collection[str], spikes: tuple[int, ...]) -> str:
    """The warning for arrays beside the spikes that do not fit them.

    Args:
        path: the file.
        left_out: the arrays with their shapes ('hand_vel (19, 100, 2)').
        spikes: the shape of the spikes.
    """
    shown = ", ".join(printable(each) for each in list(left_out)[:5])
    more = f", … ({len(left_out)} in all)" if len(left_out) > 5 else ""
    return (
        f"{path}: left out {shown}{more}, which do not fit the trials and bins of the spikes, "
        f"{spikes}: save them for the same trials and bins, or behavior=() to do without."
    )


def _shape(shape: tuple[int, ...]) -> str:
    return printable(" × ".join(map(str, shape)) or "one value")


def needed_width(path: str | Path, bin_s: float | None) -> float:
    """The bin width of a file of counts, in seconds.

    Raises:
        DataError: where neither the file nor the caller tells it.
    """
    if bin_s is None:
        raise DataError(
            f"{path} does not say how wide its bins are: pass bin_s (and file_bin_s where bin_s is "
            "wider)."
        )
    return bin_s
