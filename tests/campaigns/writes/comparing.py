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
    """The files of two undisturbed runs: what differs between these may differ anywhere."""

    one: Files
    other: Files

    def differences(self, found: Files, may_lack: bool = False) -> list[str]:
        """How files differ from those of an undisturbed run.

        Args:
            found: path → content.
            may_lack: files may be absent, for a run that was broken off.
        """
        more = [f"{name} is left over" for name in found if name not in self.one]
        less = [f"{name} is missing" for name in self.one if name not in found and not may_lack]
        other = [
            f"{name} holds something else"
            for name in self.one
            if name in found and not self._same(name, found[name])
        ]
        return more + less + other

    def _same(self, name: str, content: bytes) -> bool:
        if content in (self.one[name], self.other.get(name)):
            return True
        plain = [_plain(name, each) for each in (self.one[name], self.other[name], content)]
        return plain[2] in plain[:2] or _masked(plain[0], plain[1], plain[2])


def _plain(name: str, content: bytes) -> Any:
    """Content without the seconds that things took."""
    if name.endswith(".json"):
        return _flat(json.loads(content))
    if name.endswith(".csv"):
        return _columns(content)
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


def _columns(content: bytes) -> dict[str, Any]:
    """A table by column, without columns of seconds."""
    rows = [line.split(",") for line in content.decode().splitlines()]
    columns = {row[0] + f" {k}": row[1:] for k, row in enumerate(zip(*rows, strict=False))}
    return {name: values for name, values in columns.items() if "seconds" not in name}


def _masked(one: Any, other: Any, content: Any) -> bool:
    """Equal in all keys in which the two undisturbed ones are equal."""
    if not all(isinstance(each, dict) for each in (one, other, content)):
        return False
    stable = {key for key in one if key in other and one[key] == other[key]}
    keys = (set(one) | set(content)) - (set(one) - stable)
    return all(one.get(key, "none") == content.get(key, "none") for key in keys)
