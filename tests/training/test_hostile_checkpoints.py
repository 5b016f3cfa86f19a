"""Checkpoints that do not fit: refused with why, before anything of them is taken over."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.training.tiny import tiny_batch, tiny_network, tiny_objective, tiny_validate
from undertow.errors import ModelError
from undertow.training import Training, read_tensors, train

SHORT = Training(epochs=2, batch_size=8, validate_every=1)


def trained(folder: Path, resume: bool = False) -> None:
    network = tiny_network()
    train(
        network,
        tiny_batch(),
        tiny_objective(network),
        tiny_validate,
        SHORT,
        directory=folder,
        resume=resume,
    )


def without(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    first = next(name for name in tensors if name.startswith(prefix))
    return {name: tensor for name, tensor in tensors.items() if name != first}


def filled(tensors: dict[str, Tensor], prefix: str, value: Tensor) -> dict[str, Tensor]:
    first = next(name for name in tensors if name.startswith(prefix))
    return {**tensors, first: value}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": "two"}, "epoch of its header is 'two'"),
        ({"epoch": -5}, "counts epochs that training never counts"),
        ({"elapsed_s": -1.0}, "its seconds are none"),
        ({"history": [{"loss": 1.0}]}, "a row of its history has no epoch"),
        ({"history": [{"epoch": 1, "validation_score": 1.0}]}, "lacks a score"),
        ({"history": [{"epoch": 10**400}]}, "a number that training never makes"),
        ({"unheard": 1}, "unknown entry 'unheard'"),
    ],
)
def test_counters_that_training_never_makes(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    trained(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    tensors, numbers = read_tensors(path)
    save_file(tensors, path, {"undertow": json.dumps({**numbers, **changes})})
    with pytest.raises(ModelError, match=rf"is no checkpoint of this network \(.*{message}"):
        trained(tmp_path, resume=True)


@pytest.mark.parametrize("prefix", ["network.", "averaged.", "best.", "optimizer."])
def test_tensors_that_are_not_those_of_the_network(prefix: str, tmp_path: Path) -> None:
    trained(tmp_path)
    path = tmp_path / "checkpoint.safetensors"
    tensors, numbers = read_tensors(path)
    nothing = next(v for k, v in tensors.items() if k.startswith(prefix)) * torch.nan
    spoiled = {
        "is missing": without(tensors, prefix),
        "has another shape": filled(tensors, prefix, torch.zeros(3, 3, 3)),
        "is unknown": {**tensors, f"{prefix}more": torch.zeros(1)},
    }
    if prefix != "optimizer.":
        spoiled["holds NaN"] = filled(tensors, prefix, nothing)
    for message, wrong in spoiled.items():
        save_file(wrong, path, {"undertow": json.dumps(numbers)})
        with pytest.raises(ModelError, match=rf"no checkpoint of this network \(.*{message}"):
            trained(tmp_path, resume=True)
