"""Whether the files of a command are those of one that was never disturbed.

Seconds differ between any two runs. What they are is told by two undisturbed runs, one of them
under a clock that runs faster: what differs between these may differ anywhere.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Files = Mapping[str, bytes]
NUMBER = re.compile(rb"\d+(?:\.\d+)?(?:e[+-]?\d+)?")
SPENT = re.compile(rb"\d+(?:\.\d+)? (?:s|seconds|min|minutes|h|hours)\b")


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
    """The files of two undisturbed runs, under clocks of different speed.

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
        return _other_key(one, other, plain)


def _plain(name: str, content: bytes) -> dict[str, Any]:
    """A file as a dictionary of what it holds, so that seconds can be told from the rest."""
    if name.endswith(".json"):
        return _flat(json.loads(content))
    if name.endswith(".safetensors"):
        return _tensors(content)
    if name.endswith((".html", ".md", ".csv", ".txt")):
        return _text(content)
    return {"bytes": content}


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    """JSON as one dictionary of dotted keys."""
    inner: Any = enumerate(value) if isinstance(value, list) else None
    inner = value.items() if isinstance(value, dict) else inner
    if inner is None:
        return {prefix: value}
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


def _text(content: bytes) -> dict[str, Any]:
    """A text as its words and its numbers, without times in words."""
    plain = SPENT.sub(b"some time", content)
    numbers = {f"number {k}": each for k, each in enumerate(NUMBER.findall(plain))}
    return numbers | {"words": NUMBER.sub(b"#", plain)}


def _other_key(one: Any, other: Any, found: Any) -> str:
    """The first entry that differs, among those in which the two undisturbed ones are equal."""
    for key in (*one, *found):
        stable = key not in one or (key in other and one[key] == other[key])
        was, now = one.get(key, "nothing"), found.get(key, "nothing")
        if stable and was != now:
            return f"{key}: {_excerpt(now, was)}"
    return ""


def _excerpt(now: Any, was: Any) -> str:
    """Both values, long ones around the first place at which they differ."""
    if not (isinstance(now, bytes) and isinstance(was, bytes)):
        return f"{str(now)[:40]!a}, was {str(was)[:40]!a}"
    pairs = enumerate(zip(was, now, strict=False))
    at = next((k for k, (a, b) in pairs if a != b), min(len(was), len(now)))
    start = max(at - 30, 0)
    return f"{now[start : at + 40]!a}, was {was[start : at + 40]!a}"
