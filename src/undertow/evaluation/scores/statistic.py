"""`Statistic`: a score as sums per trial, so that resampling trials is one matrix product."""

import json
import math
import tokenize
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from undertow.errors import DataError
from undertow.files import written_whole
from undertow.names import printable, shown

READ_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    AttributeError,
    EOFError,
    MemoryError,
    NotImplementedError,
    SyntaxError,
    TypeError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
)
"""What NumPy and zipfile raise for files that are damaged, or are none."""
MOST = 1e100
"""No sum is larger; its square is still a number."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Statistic(ABC):
    """What a score needs from each trial.

    Subclasses add fields of sums, with trials along the first axis.

    Attributes:
        name: of the score, such as 'co-bps'.
        unit: of the score.
        trial_ids: the trials, (trials,).
        condition: their labels, (trials,), or None; resampling is stratified by them.
        bin_s: bin width in seconds.
        n_neurons: neurons that enter.
        left_out: silent neurons left out.
        note: what a reader must know; '{name}' stands for the fact of that name.
        facts: numbers the score was made with or must be read beside, by name.
    """

    LEAST: ClassVar[float] = -np.inf
    """No value of the score lies below; nor does its interval."""
    AXES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """Field of sums → its axes, 'trials' first; axes of one name have one length."""

    name: str
    unit: str
    trial_ids: np.ndarray
    condition: np.ndarray | None
    bin_s: float
    n_neurons: int
    left_out: int = 0
    note: str = ""
    facts: Mapping[str, float] = field(default_factory=dict)

    @abstractmethod
    def finish(self, weights: np.ndarray) -> np.ndarray:
        """The score when trial i counts `weights[r, i]` times, (resamples,).

        Weights are (resamples, trials).
        """

    def lacks(self) -> str:
        """What the sums lack to make a score, as 'has no …'; empty when nothing."""
        return ""

    @property
    def n_trials(self) -> int:
        return len(self.trial_ids)

    @property
    def value(self) -> float:
        """The score with every trial counted once."""
        return float(self.finish(np.ones((1, self.n_trials)))[0])

    def to_arrays(self) -> dict[str, np.ndarray]:
        """All fields as plain arrays, for `numpy.savez`; read back by `Statistic.from_arrays`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: np.asarray(value) for name, value in values.items() if value is not None}
        arrays["facts"] = np.asarray(json.dumps(dict(self.facts)))
        return {"kind": np.asarray(type(self).__name__), **arrays}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> "Statistic":
        """The statistic that `to_arrays` wrote.

        Raises:
            DataError: when the kind is unknown or a field is missing.
        """
        kinds = {cls.__name__: cls for cls in Statistic.__subclasses__()}
        kind = printable(str(arrays["kind"])) if "kind" in arrays else "nothing"
        if kind not in kinds:
            raise DataError(
                f"these arrays hold {kind}, not a statistic: it must be one of "
                f"{', '.join(sorted(kinds))}."
            )
        given: dict[str, Any] = {
            k: v.item() if v.ndim == 0 else v for k, v in arrays.items() if k != "kind"
        }
        given["facts"] = _facts(given.get("facts", "{}"))
        try:
            found = kinds[kind](**{"condition": None, **given})
        except TypeError as error:
            why = printable(str(error))
            raise DataError(f"the arrays of a {kind} do not fit: {why}.") from None
        _check(found)
        return found


def _check(found: Statistic) -> None:
    """Refuse a statistic with a field that is not what its class says."""
    for each in fields(found):
        value = getattr(found, each.name)
        if not _fits(each.name, each.type, value, found.trial_ids):
            raise DataError(
                f"{each.name} of a {type(found).__name__} is {shown(value)}, which does not fit "
                "its trials or is of another kind: compute the statistic again."
            )
    _check_shapes(found)
    if lacks := found.lacks():
        raise DataError(f"a {type(found).__name__} {lacks}: compute the statistic again.")


def _check_shapes(found: Statistic) -> None:
    """Refuse sums whose axes do not fit each other, infinite ones, and unknown conditions."""
    sizes = {"trials": found.n_trials}
    for name, axes in found.AXES.items():
        array = getattr(found, name)
        own = dict(zip(axes, array.shape, strict=False))
        fits = len(axes) == array.ndim and own == {each: sizes.get(each, own[each]) for each in own}
        if name == "member":
            whole, most = array.dtype.kind in "iu", sizes.get("conditions", array.size)
            fits = fits and whole and bool(((array >= -1) & (array < most)).all())
        if not fits or _too_large(array):
            raise DataError(
                f"{name} of a {type(found).__name__} has shape {array.shape} and does not fit the "
                "rest, or holds what no sum is: compute the statistic again."
            )
        sizes |= own


def _too_large(array: np.ndarray) -> bool:
    most = min(MOST, float(np.finfo(array.dtype).max)) if array.dtype.kind == "f" else MOST
    return bool((np.abs(array) > most).any())


def _fits(name: str, kind: Any, value: Any, trial_ids: Any) -> bool:
    """Whether a field holds text, a number, or an array of numbers with a row for each trial."""
    if kind in (int, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and math.isfinite(value) and value >= 0
    if name in ("trial_ids", "condition"):
        optional = name == "condition" and value is None
        return optional or (np.ndim(value) == 1 and len(value) == np.size(trial_ids) > 0)
    if kind is np.ndarray:
        numeric = isinstance(value, np.ndarray) and value.dtype.kind in "fiub" and value.ndim > 0
        return numeric and (name == "psth" or len(value) == np.size(trial_ids))
    return isinstance(value, Mapping if name == "facts" else str)


def _facts(text: Any) -> dict[str, float]:
    """The facts that `to_arrays` wrote as text."""
    try:
        found = json.loads(text)
        return {str(name): float(value) for name, value in found.items()}
    except (TypeError, ValueError, AttributeError, RecursionError):
        raise DataError(
            "the facts of a statistic are not names with numbers: compute the statistic again."
        ) from None


def save_statistics(path: str | Path, statistics: Mapping[str, Statistic]) -> Path:
    """Write statistics to one `.npz`, atomically; read back by `load_statistics`."""
    flat = {
        f"{name}/{key}": array
        for name, s in statistics.items()
        for key, array in s.to_arrays().items()
    }
    with written_whole(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **flat)  # type: ignore[arg-type]
    return Path(path)


def load_statistics(path: str | Path) -> dict[str, Statistic]:
    """Read what `save_statistics` wrote.

    Raises:
        DataError: when the file cannot be read or holds something else.
    """
    try:
        # opened here: NumPy leaves a file open that turns out to be no zip
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as held:
            flat = {key: held[key] for key in held.files}
    except READ_ERRORS as error:
        raise DataError(
            f"{path} cannot be read as saved statistics: {printable(str(error))}."
        ) from None
    names = list(dict.fromkeys(key.rsplit("/", 1)[0] for key in flat))
    if not all("/" in key and isinstance(each, np.ndarray) for key, each in flat.items()):
        raise DataError(f"{path} holds arrays of no statistic: give a file of save_statistics.")
    return {
        name: Statistic.from_arrays(
            {k.rsplit("/", 1)[1]: v for k, v in flat.items() if k.rsplit("/", 1)[0] == name}
        )
        for name in names
    }
