"""Whether the files of a command are those of one that was never disturbed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Files = Mapping[str, bytes]
SECONDS = re.compile(r"(seconds|elapsed_s|fit_s|_seconds)$")
SPENT = re.compile(rb"\d+(\.\d+)?(e-?\d+)? ?(s|seconds|min|minutes|h|hours)\b")


def files_of(folder: Path) -> dict[str, bytes]:
    """All files below a folder by their path, empty folders with a slash."""
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_dir():
            found |= {f"{name}/": b""} if not any(path.iterdir()) else {}
        else:
            found[name] = path.read_bytes()
    return found


@dataclass(frozen=True)
class Reference:
    """The files of two undisturbed runs: what differs between these may differ anywhere.

    With `exact` False their contents may differ, as those of runs that stop by the clock.
    """

    one: Files
    other: Files
    exact: bool = True

    def differences(self, found: Files, may_lack: bool = False) -> list[str]:
        """How files differ from those of an undisturbed run.

        Args:
            found: path → content.
            may_lack: files may be absent, for a run that was broken off.
        """
        more = [f"{name} is left over" for name in found if name not in self.one]
        less = [f"{name} is missing" for name in self.one if name not in found and not may_lack]
        there = [(name, self._difference(name, found[name])) for name in self.one if name in found]
        other = [f"{name} holds something else: {what}" for name, what in there if what]
        return more + less + other

    def _difference(self, name: str, content: bytes) -> str:
        """What differs in a file, in a few words; '' where nothing does."""
        known = (self.one[name], self.other.get(name, b""))
        if not self.exact or content in known:
            return ""
        try:
            one, other, plain = (_plain(name, each) for each in (*known, content))
        except ValueError:  # half a file is no JSON and no table
            return f"{len(content)} bytes for {len(known[0])}"
        if plain in (one, other):
            return ""
        if isinstance(one, dict):
            return _other_key(one, other, plain)
        return _other_place(one, plain)


def _plain(name: str, content: bytes) -> Any:
    """Content without the seconds that things took."""
    if name.endswith(".json"):
        return _flat(json.loads(content))
    if name.endswith(".csv"):
        return _columns(content)
    if name.endswith(".safetensors"):
        return _tensors(content)
    return SPENT.sub(b"some time", content)


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """JSON as one dictionary of dotted keys, without seconds."""
    inner: Any = enumerate(value) if isinstance(value, list) else None
    inner = value.items() if isinstance(value, dict) else inner
    if inner is None:
        return {} if SECONDS.search(prefix.rstrip(".")) else {prefix: value}
    flat: dict[str, Any] = {}
    for key, each in inner:
        flat |= _flat(each, f"{prefix}{key}.")
    return flat


def _tensors(content: bytes) -> dict[str, Any]:
    """A safetensors file: its header, the JSON inside it too, and its values."""
    size = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:size])
    held = header.pop("__metadata__", {})
    inner = {name: json.loads(text) for name, text in held.items()}
    return _flat({"header": header, "inner": inner}) | {"values": content[size:]}


def _columns(content: bytes) -> dict[str, Any]:
    """A table by column, without columns of seconds."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    columns = {row[0] + f" {k}": row[1:] for k, row in enumerate(zip(*rows, strict=False))}
    return {name: values for name, values in columns.items() if "seconds" not in name}


def _other_key(one: Any, other: Any, found: Any) -> str:
    """The first key that differs, among those in which the two undisturbed ones are equal."""
    for key in (*one, *found):
        stable = key not in one or (key in other and one[key] == other[key])
        if stable and one.get(key, "nothing") != found.get(key, "nothing"):
            was, now = (str(each.get(key, "nothing"))[:40] for each in (one, found))
            return f"{key} is {now!a}, was {was!a}"
    return ""


def _other_place(one: bytes, found: bytes) -> str:
    """The first place at which two texts differ."""
    pairs = enumerate(zip(one, found, strict=False))
    at = next((k for k, (was, now) in pairs if was != now), min(len(one), len(found)))
    start = max(at - 30, 0)
    return f"{found[start : at + 40]!a}, was {one[start : at + 40]!a}"
