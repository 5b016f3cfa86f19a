"""`Statistic`: a score as sums per trial, so that resampling trials is one matrix product."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from undertow.errors import DataError
from undertow.files import written_whole


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
        kind = str(arrays["kind"]) if "kind" in arrays else "nothing"
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
            return kinds[kind](**{"condition": None, **given})
        except TypeError as error:
            raise DataError(f"the arrays of a {kind} do not fit: {error}.") from None


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
        with np.load(path, allow_pickle=False) as file:
            flat = {key: file[key] for key in file.files}
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as saved statistics: {error}.") from None
    names = list(dict.fromkeys(key.rsplit("/", 1)[0] for key in flat))
    return {
        name: Statistic.from_arrays(
            {k.rsplit("/", 1)[1]: v for k, v in flat.items() if k.rsplit("/", 1)[0] == name}
        )
        for name in names
    }
