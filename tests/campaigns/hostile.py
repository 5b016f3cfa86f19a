"""Values that a file or a setting should not hold: other types, shapes, sizes and names."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.campaigns.target import Rng, chance, few, pick

NAMES = (
    "",
    " ",
    "a" * 5000,
    "$1_$2",
    "[bold]x[/bold]",
    "\x1b[31mred",
    "line\nbreak",
    "tab\tname",
    "../up",
    "=1+1",
    "ünïcode",
    "\u202eright to left",
    "spikes ",
    "__class__",
    "0",
    "nan",
    "nul\x00name",
)
SCALARS: tuple[Any, ...] = (
    "ten",
    "",
    None,
    True,
    float("nan"),
    float("inf"),
    -float("inf"),
    -1,
    0,
    0.5,
    2**63,
    2**64,
    -(2**63),
    10**30,
    1e300,
    1e-300,
    1e30,
    [],
    [1, 2],
    {},
    {"a": 1},
    "2020-01-01",
    "\x1b[2J",
    "a" * 5000,
    "line\nbreak",
)


def scalar(rng: Rng) -> Any:
    """A value that stands where a number or a word should."""
    return pick(rng, SCALARS)


def name(rng: Rng) -> str:
    """A name that a terminal, a file system or a figure may stumble over."""
    return str(pick(rng, NAMES))


def array(rng: Rng, value: Any) -> tuple[str, Any]:
    """(how, another array) in place of `value`."""
    how = str(pick(rng, ARRAYS))
    with np.errstate(all="ignore"):
        return how, ARRAYS[how](rng, np.asarray(value))


def _numeric(value: np.ndarray) -> np.ndarray:
    return value if value.dtype.kind in "iufb" else np.arange(value.size).reshape(value.shape)


def _some(rng: Rng, value: np.ndarray, what: float) -> np.ndarray:
    """A copy as floats with some entries replaced."""
    changed = np.array(_numeric(value), dtype=float)
    changed[rng.random(changed.shape) < 0.2] = what
    if changed.size:
        changed.flat[0] = what
    return changed


def _objects(value: np.ndarray) -> np.ndarray:
    filled = np.empty(value.shape, dtype=object)
    filled[...] = None
    return filled


def _emptied(rng: Rng, value: np.ndarray) -> np.ndarray:
    return np.take(value, [], axis=int(rng.integers(value.ndim))) if value.ndim else value[None][:0]


def _resized(rng: Rng, value: np.ndarray) -> np.ndarray:
    if not value.ndim:
        return np.repeat(value[None], 3)
    axis = int(rng.integers(value.ndim))
    n = value.shape[axis] + pick(rng, (-1, 1, 7))
    return np.take(value, np.arange(max(n, 0)) % max(value.shape[axis], 1), axis=axis)


def _fewer(rng: Rng, value: np.ndarray) -> np.ndarray:
    if not value.ndim or 0 in value.shape:
        return value.ravel()
    return np.take(value, 0, axis=int(rng.integers(value.ndim)))


ARRAYS: dict[str, Callable[[Rng, np.ndarray], Any]] = {
    "text": lambda rng, v: np.full(v.shape, str(pick(rng, ("ten", "", "nan", *NAMES[:8])))),
    "bytes that are no UTF-8": lambda rng, v: np.full(v.shape, b"\xff\xfe"),
    "complex": lambda rng, v: _numeric(v) + 1j,
    "dates": lambda rng, v: np.full(v.shape, np.datetime64("2020-01-01", "ns")),
    "durations": lambda rng, v: np.full(v.shape, np.timedelta64(5, "ms")),
    "booleans": lambda rng, v: _numeric(v).astype(bool),
    "NaN": lambda rng, v: np.full(v.shape, np.nan),
    "some NaN": lambda rng, v: _some(rng, v, np.nan),
    "some inf": lambda rng, v: _some(rng, v, np.inf),
    "some -inf": lambda rng, v: _some(rng, v, -np.inf),
    "some 1e300": lambda rng, v: _some(rng, v, 1e300),
    "some 1e9": lambda rng, v: _some(rng, v, 1e9),
    "some -3": lambda rng, v: _some(rng, v, -3.0),
    "some 0.5": lambda rng, v: _some(rng, v, 0.5),
    "largest int64": lambda rng, v: np.full(v.shape, 2**63 - 1),
    "least int64": lambda rng, v: np.full(v.shape, -(2**63)),
    "largest uint64": lambda rng, v: np.full(v.shape, 2**64 - 1, dtype=np.uint64),
    "past the end": lambda rng, v: _numeric(v) + 99,
    "zeros": lambda rng, v: np.zeros_like(_numeric(v)),
    "int8": lambda rng, v: _numeric(v).astype(np.int8),
    "float16": lambda rng, v: _numeric(v).astype(np.float16),
    "long double": lambda rng, v: _numeric(v).astype(np.longdouble),
    "other byte order": lambda rng, v: _numeric(v).astype(">f8"),
    "objects": lambda rng, v: _objects(v),
    "a structure": lambda rng, v: np.zeros(v.shape, dtype=[("a", "f8"), ("b", "U4")]),
    "void": lambda rng, v: np.zeros(v.shape, dtype="V6"),
    "empty": _emptied,
    "no entries": lambda rng, v: np.empty(0),
    "one value": lambda rng, v: np.asarray(scalar(rng)),
    "another length": _resized,
    "an axis more": lambda rng, v: v[..., None],
    "two axes more": lambda rng, v: v[None, None],
    "an axis less": _fewer,
    "axes turned": lambda rng, v: v.T,
    "flat": lambda rng, v: v.ravel(),
}


def fields(rng: Rng, given: dict[str, Any], most: int = 3) -> tuple[dict[str, Any], list[str]]:
    """(arrays by name with one to `most` of them changed, what was changed)."""
    changed, said = dict(given), []
    for _ in range(few(rng, most)):
        if not changed:
            break
        key = pick(rng, changed)
        if chance(rng, 0.72):
            how, changed[key] = array(rng, changed[key])
            said.append(f"{key[:40]!a}: {how}")
        else:
            said.append(_renamed(rng, changed, key))
    return changed, said


def _renamed(rng: Rng, changed: dict[str, Any], key: str) -> str:
    """Drop, rename, double or swap fields in place; says which."""
    way = pick(rng, ("dropped", "renamed", "doubled", "swapped"))
    other = pick(rng, changed)
    if way == "swapped":
        changed[key], changed[other] = changed[other], changed[key]
        return f"{key[:40]!a} and {other[:40]!a} swapped"
    value = changed[key] if way == "doubled" else changed.pop(key)
    if way != "dropped":
        changed[name(rng)] = value
    return f"{key[:40]!a} {way}"
