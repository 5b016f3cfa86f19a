"""Checkpoints and model files: safetensors with a JSON header.

Each is written under a temporary name and then moved into place.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from undertow.errors import ModelError
from undertow.files import os_error, written_whole

HEADER = "undertow"


def write_tensors(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> Path:
    """Write tensors and a JSON-able header to one file.

    A reader sees either the old file or the new one, never a part of it.
    """
    plain = {k: v.cpu().contiguous() for k, v in tensors.items()}
    with written_whole(path, overwrite=True) as temporary:
        try:
            save_file(plain, temporary, {HEADER: json.dumps(header)})
        except SafetensorError as error:
            raise os_error(str(error)) from None
    return path


def read_tensors(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what `write_tensors` wrote.

    Raises:
        ModelError: when the file is missing, damaged or not one of undertow's.
    """
    if not path.is_file():
        raise ModelError(f"{path} is not there: it should be a model file written by undertow.")
    try:
        with safe_open(path, framework="pt", device=device) as opened:
            header = json.loads((opened.metadata() or {})[HEADER])
            return {name: opened.get_tensor(name) for name in opened.keys()}, header  # noqa: SIM118
    except (SafetensorError, KeyError, json.JSONDecodeError, OSError) as error:
        raise ModelError(
            f"{path} is not a file written by undertow, or is damaged ({type(error).__name__})."
        ) from None


def read_header(path: Path) -> dict[str, Any]:
    """Read the JSON header alone."""
    return read_tensors(path)[1]
