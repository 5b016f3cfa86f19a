"""The state of a training in a folder: its checkpoint, and the log of its validations."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from undertow.errors import ModelError
from undertow.files import write_text
from undertow.training.checkpoint import read_tensors, write_tensors
from undertow.training.history import Row, history_csv
from undertow.training.state import TrainingState
from undertow.training.together import processes

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.csv"


def resumed(state: TrainingState, directory: Path | None) -> bool:
    """Whether the state of an earlier run was there, and is taken up; the first process reads."""
    path = None if directory is None else directory / CHECKPOINT
    held: dict[str, Tensor] = {}

    def read() -> dict[str, Any] | None:
        if path is None or not path.exists():
            return None
        tensors, numbers = read_tensors(path)
        if why := state.misfit(tensors, numbers):
            raise ModelError(
                f"{path} is no checkpoint of this network ({why}): resume with the same trials and "
                "settings, or choose another folder."
            )
        held.update(tensors)
        kinds = {k: [str(v.dtype).removeprefix("torch."), *v.shape] for k, v in tensors.items()}
        return {"numbers": numbers, "kinds": kinds}

    found = processes().agreed(read)
    if found is None:
        return False
    if not processes().first:
        kinds = found["kinds"].items()
        held = {k: torch.zeros(shape, dtype=getattr(torch, kind)) for k, (kind, *shape) in kinds}
    moved = {k: v.to(processes().device) for k, v in held.items()}
    processes().share(list(moved.values()))
    state.restore(moved, found["numbers"])
    return True


def save(directory: Path | None, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
    """Write a training's state and its log, where there is a folder for them."""
    if directory is None:
        return
    directory.mkdir(parents=True, exist_ok=True)
    write_tensors(directory / CHECKPOINT, tensors, numbers)
    write_log(directory, numbers["history"])


def write_log(directory: Path | None, history: list[Row]) -> None:
    """Write the log of the validations so far."""
    if directory is None:
        return
    write_text(directory / LOG, history_csv(history))
