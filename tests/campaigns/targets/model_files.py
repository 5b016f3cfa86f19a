"""Model files and checkpoints: safetensors whose header or members are damaged."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from tests.campaigns import bytewise, json_changes
from tests.campaigns.target import Made, Rng, Target, chance, pick
from tests.campaigns.targets import trained

KINDS = ("F32", "F64", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "X7")
OURS = "undertow"


def make_model(rng: Rng, folder: Path) -> Made:
    """A model file with other settings, another population, other members or broken bytes."""
    name = str(pick(rng, trained.TINY))
    path = trained.copied(name, folder) / "model.safetensors"
    return Made(path, _damaged(rng, path), {"model": name})


def make_checkpoint(rng: Rng, folder: Path) -> Made:
    """A checkpoint of another training state."""
    name = str(pick(rng, ("langevin-flow", "latent-sde")))
    run = trained.copied(name, folder)
    path = next(iter(sorted(run.rglob("checkpoint.safetensors"))))
    return Made(path, _damaged(rng, path), {"model": name})


def use_model(made: Made) -> Any:
    """Load it; predict with what loads."""
    import undertow

    model = undertow.load_model(made.path)
    return model.predict(trained.recording())


def use_checkpoint(made: Made) -> Any:
    """Go on training from it."""
    model = trained.tiny(made.options["model"])
    return model.fit(trained.recording(), checkpoint=made.path.parent, resume=True)


def _damaged(rng: Rng, path: Path) -> list[str]:
    if chance(rng, 0.15):
        return [bytewise.damage(rng, path)]
    header, data = _read(path)
    said: list[str] = []
    if chance(rng, 0.7):
        said += _ours(rng, header)
    if chance(rng, 0.3) or not said:
        data, how = _members(rng, header, data)
        said.append(how)
    _write(path, json.dumps(header), data)
    if chance(rng, 0.05):
        text, how = json_changes.change(rng, header)
        _write(path, text, data)
        said += how
    return said


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the values of a safetensors file."""
    whole = path.read_bytes()
    size = int.from_bytes(whole[:8], "little")
    return json.loads(whole[8 : 8 + size]), whole[8 + size :]


def _write(path: Path, header: str, data: bytes) -> None:
    text = header.encode("utf-8", errors="surrogatepass")
    text += b" " * (-len(text) % 8)
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def _ours(rng: Rng, header: dict[str, Any]) -> list[str]:
    """Change the header of this library within that of the format."""
    held = header.get("__metadata__", {})
    if OURS not in held:
        return []
    if chance(rng, 0.05):
        held.pop(OURS)
        return ["no header of ours"]
    held[OURS], said = json_changes.change(rng, json.loads(held[OURS]))
    return said


def _members(rng: Rng, header: dict[str, Any], data: bytes) -> tuple[bytes, str]:
    """Drop, rename, double or reshape a member, give it another type, or spoil its values."""
    names = [name for name in header if name != "__metadata__"]
    if not names:
        return data, "no members"
    name = str(pick(rng, names))
    ways = ("dropped", "renamed", "doubled", "type", "shape", "offsets", "values", "swapped")
    way = str(pick(rng, ways))
    about = header[name]
    if way in ("dropped", "renamed"):
        header.pop(name)
    if way in ("renamed", "doubled"):
        header[f"{name}.other"] = about
    if way == "type":
        about["dtype"] = pick(rng, KINDS)
    if way == "shape":
        about["shape"] = pick(rng, ([], [2**40], [0], [-1], [1, *about["shape"]], [2**62, 4]))
    if way == "offsets":
        about["data_offsets"] = pick(rng, ([0, 2**60], [8, 0], [0], [-1, 8], [0, 10**9]))
    if way == "values":
        data = _spoiled(rng, data, about)
    if way == "swapped":
        other = str(pick(rng, names))
        header[name], header[other] = header[other], header[name]
    return data, f"{name}: {way}"


def _spoiled(rng: Rng, data: bytes, about: dict[str, Any]) -> bytes:
    start, stop = about["data_offsets"]
    if about["dtype"] != "F32":
        return data[:start] + b"\xff" * (stop - start) + data[stop:]
    what = float(pick(rng, (np.nan, np.inf, -np.inf, 1e38, -1e38, 0.0)))
    return data[:start] + np.full((stop - start) // 4, what, "<f4").tobytes() + data[stop:]


MODELS = Target("model files", make_model, use_model, 1.0, trained.make_runs)
CHECKPOINTS = Target("checkpoints", make_checkpoint, use_checkpoint, 0.4, trained.make_runs)
