"""Files of ensembles: the members' tensors side by side, and their headers in one."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from undertow.models.base import Estimator
from undertow.models.loading import load_model
from undertow.models.persistence import check_model
from undertow.schema import record
from undertow.training import read_tensors, write_tensors

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class EnsembleHeader:
    """What the JSON header of an ensemble's file holds: its settings, and its members' headers."""

    model: str
    params: dict[Literal["size", "seed", "splits", "resample"], int | str]
    members: list[dict[str, Any]]


def write(name: str, params: Mapping[str, Any], fitted: Sequence[Estimator], path: Path) -> Path:
    """Write fitted members and the settings of their ensemble to one file, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        files = [member.save(Path(folder) / f"{k}") for k, member in enumerate(fitted)]
        parts = [read_tensors(file) for file in files]
    tensors = {
        f"{k}.{name}": tensor for k, (own, _) in enumerate(parts) for name, tensor in own.items()
    }
    header = {"model": name, "params": dict(params), "members": [about for _, about in parts]}
    return write_tensors(path, tensors, header)


def read(cls: type[Estimator], path: str | Path) -> tuple[EnsembleHeader, Tensors]:
    """Read the header and all tensors of a file.

    Raises:
        ModelError: for a file of another model, or none.
    """
    tensors, found = read_tensors(Path(path))
    check_model(found, cls, path)
    return record(EnsembleHeader, found, f"the header of {path}"), tensors


def members(header: EnsembleHeader, tensors: Tensors, params: Mapping[str, Any]) -> list[Estimator]:
    """Make the members of what `read` found; `params` are given to every one."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for k, about in enumerate(header.members):
            own = {
                name.partition(".")[2]: tensor
                for name, tensor in tensors.items()
                if name.partition(".")[0] == str(k)
            }
            found.append(load_model(write_tensors(Path(folder) / f"{k}", own, about), **params))
    return found
