"""What a run and the cells of a grid write about themselves as JSON, checked when it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from undertow.errors import UndertowError
from undertow.files import read_json
from undertow.schema import deeper_than, fit_value, record

MOST_NESTED = 20
PARTS = ("train", "validation", "test")
Ids = list[int | float | str]
RUN: Mapping[str, Any] = {
    "model": str,
    "settings": dict[str, Any],
    "data": dict[str, Any] | str,  # of a study the fingerprint alone
    "splits": dict[str, dict[str, Ids]],
    "seeds": dict[str, Any],
    "search": dict[str, Any],
    "source": dict[str, Any],
    "versions": dict[str, Any],
    "fingerprint_without_labels": str,
}
"""Entries of run.json and the types of their values; files of other versions have others too."""


@dataclass(frozen=True)
class FitRecord:
    """Seconds and warnings of a fit, beside its model file."""

    fit_s: float
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class CellRecord:
    """What the file of a finished cell holds beside its identity."""

    scores: dict[str, float | None]
    fit_s: float
    validation_score: float | None
    parameters: dict[str, int] = field(default_factory=dict)
    cpu_s: float | None = None
    peak_bytes: int | None = None
    tried: int = 1
    chosen: dict[str, Any] = field(default_factory=dict)
    search_cpu_s: float = 0.0


def read_run(path: Path) -> dict[str, Any]:
    """What run.json says of a run.

    Raises:
        UndertowError: for a file that is no JSON table, or an entry of another type.
    """
    content = read_table(path)
    found = {
        k: fit_value(f"{k} in {path}", v, RUN.get(k, Any), UndertowError)
        for k, v in content.items()
    }
    for name, parts in found.get("splits", {}).items():
        if missing := [part for part in PARTS if part not in parts]:
            raise UndertowError(f"the split {name} in {path} lacks its {missing[0]} trials.")
    return found


def read_fit(path: Path) -> FitRecord:
    """Seconds and warnings of a fit.

    Raises:
        UndertowError: for a file that holds anything else.
    """
    return record(FitRecord, read_table(path), str(path), UndertowError, extra=True)


def read_cell(path: Path) -> tuple[dict[str, Any], CellRecord]:
    """The whole table that a finished cell wrote, and its result.

    Raises:
        UndertowError: for a file that holds anything else.
    """
    content = read_table(path)
    return content, record(CellRecord, content, str(path), UndertowError, extra=True)


def read_table(path: Path) -> dict[str, Any]:
    """A table of a JSON file.

    Raises:
        UndertowError: for a file that is no JSON, or holds no table.
    """
    content = read_json(path)
    if deeper_than(content, MOST_NESTED):
        raise UndertowError(f"{path} is nested deeper than any record: it is damaged.")
    if not isinstance(content, dict):
        raise UndertowError(f"{path} holds no table of names and values: it is damaged.")
    return content
