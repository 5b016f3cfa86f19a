"""Folders of joint models: a model file per session, and what new sessions are aligned by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from undertow.errors import ModelError
from undertow.models.joint.alignment import Alignment
from undertow.models.joint.common import Common
from undertow.models.joint.tying import check_tied, tie
from undertow.models.loading import load_model
from undertow.models.trained import TrainedModel
from undertow.schema import record
from undertow.training import read_tensors, write_tensors

SESSIONS, MODEL, TARGETS = "sessions.safetensors", "model.safetensors", "targets"
KIND = "joint"


@dataclass(frozen=True)
class JointHeader:
    """What the header of sessions.safetensors holds: names in order, and what is common to all."""

    model: str
    sessions: list[str]
    duration_s: float
    regions: list[str]
    spikes: float
    seed: int
    aligned: bool = False
    conditions: list[Any] = field(default_factory=list)
    start_s: float = 0.0
    event: str = ""


def write(folder: Path, sessions: Mapping[str, TrainedModel[Any]], common: Common) -> Path:
    """Write all sessions' models, and then what holds them together."""
    for name, model in sessions.items():
        model.save(folder / name / MODEL)
    alignment, tensors = common.alignment, {"none": torch.zeros(1)}
    header: dict[str, Any] = {
        "model": KIND,
        "sessions": list(sessions),
        "duration_s": common.duration_s,
        "regions": common.regions,
        "spikes": common.spikes,
        "seed": common.seed,
    }
    if alignment is not None:
        tensors = {TARGETS: torch.from_numpy(alignment.targets).contiguous()}
        header |= {
            "aligned": True,
            "conditions": [
                getattr(each, "item", lambda each=each: each)() for each in alignment.conditions
            ],
            "start_s": alignment.start_s,
            "event": alignment.event,
        }
    write_tensors(folder / SESSIONS, tensors, header)
    return folder


def read(folder: Path, params: Mapping[str, Any]) -> tuple[dict[str, TrainedModel[Any]], Common]:
    """Read what `write` wrote, with the sessions' networks tied to each other again.

    Raises:
        ModelError: where a file is missing or damaged, or does not belong to the others.
    """
    path = folder / SESSIONS
    if not path.is_file():
        raise ModelError(f"{path} is not there: give the folder of a joint model.")
    tensors, found = read_tensors(path)
    header = record(JointHeader, found, f"the header of {path}")
    if header.model != KIND or not header.sessions:
        raise ModelError(f"{path} is of no joint model: give the folder as it was saved.")
    sessions = {name: _session(folder, name, params) for name in header.sessions}
    first, *others = sessions.values()
    common = Common(header.duration_s, header.regions, header.spikes, None, header.seed)
    common.network = first.network_
    for name, model in sessions.items():
        if type(model) is not type(first):
            raise ModelError(f"{folder} holds models of different kinds: give it as it was saved.")
        check_tied(model.network_, first.network_, f"{folder / name}")
        model._common = common
    for model in others:
        tie(model.network_, first.network_)
    if header.aligned:
        common.alignment = _alignment(header, tensors, path)
    return sessions, common


def _session(folder: Path, name: str, params: Mapping[str, Any]) -> TrainedModel[Any]:
    file = folder / name / MODEL
    if Path(name).name != name or not file.is_file():
        raise ModelError(f"{file} is not there: give the folder as it was saved.")
    model = load_model(file, **params)
    if not isinstance(model, TrainedModel):
        raise ModelError(f"{file} holds no model of a session: give the folder as it was saved.")
    return model


def _alignment(header: JointHeader, tensors: Mapping[str, Any], path: Path) -> Alignment:
    targets = tensors.get(TARGETS)
    if (
        targets is None
        or targets.ndim != 3
        or len(targets) != len(header.conditions)
        or not all(
            each is None or type(each) in (int, float, str, bool) for each in header.conditions
        )
        or not bool(torch.isfinite(targets).all())
    ):
        raise ModelError(f"{path} is damaged: its averages do not fit its conditions.")
    array = targets.double().numpy()
    return Alignment(header.conditions, array, header.start_s, header.event)
