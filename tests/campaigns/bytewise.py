"""Damage to the bytes of a file: flipped, cut short, inserted, doubled, zeroed."""

from collections.abc import Callable
from pathlib import Path

from tests.campaigns.target import Rng, pick

STRANGE = (b"\x00", b"\xff\xff\xff\xff", b"\x7f" * 8, b"\n", b"\x1b[2J", b"9" * 5000, b"\xc3\x28")


def damage(rng: Rng, path: Path) -> str:
    """Damage a file in one to four places; says how."""
    data, said = bytearray(path.read_bytes()), []
    for _ in range(int(rng.integers(1, 5))):
        name = pick(rng, WAYS)
        data = WAYS[name](rng, data)
        said.append(name)
    path.write_bytes(bytes(data))
    return f"bytes of {path.name}: {', '.join(said)}"


def _flip(rng: Rng, data: bytearray) -> bytearray:
    for _ in range(int(rng.integers(1, 9))):
        if data:
            data[_at(rng, data)] ^= 1 << int(rng.integers(8))
    return data


def _value(rng: Rng, data: bytearray) -> bytearray:
    if data:
        data[_at(rng, data)] = int(rng.integers(256))
    return data


def _cut(rng: Rng, data: bytearray) -> bytearray:
    return data[: _at(rng, data)]


def _insert(rng: Rng, data: bytearray) -> bytearray:
    at = _at(rng, data)
    return data[:at] + pick(rng, STRANGE) + data[at:]


def _double(rng: Rng, data: bytearray) -> bytearray:
    start, stop = _stretch(rng, data)
    return data[:stop] + data[start:]


def _zero(rng: Rng, data: bytearray) -> bytearray:
    start, stop = _stretch(rng, data)
    data[start:stop] = bytes(stop - start)
    return data


def _drop(rng: Rng, data: bytearray) -> bytearray:
    start, stop = _stretch(rng, data)
    return data[:start] + data[stop:]


def _fill(rng: Rng, data: bytearray) -> bytearray:
    start, stop = _stretch(rng, data)
    data[start:stop] = b"\xff" * (stop - start)
    return data


WAYS: dict[str, Callable[[Rng, bytearray], bytearray]] = {
    "bits flipped": _flip,
    "a byte replaced": _value,
    "cut short": _cut,
    "bytes inserted": _insert,
    "a stretch doubled": _double,
    "a stretch zeroed": _zero,
    "a stretch left out": _drop,
    "a stretch of 255": _fill,
}


def _at(rng: Rng, data: bytearray) -> int:
    """A place: half of the time near the start, where headers lie."""
    size = len(data) if rng.random() < 0.5 else min(len(data), 600)
    return int(rng.integers(max(size, 1)))


def _stretch(rng: Rng, data: bytearray) -> tuple[int, int]:
    start = _at(rng, data)
    return start, min(len(data), start + int(rng.integers(1, 65)))
