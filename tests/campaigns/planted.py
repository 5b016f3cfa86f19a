"""Planted faults, one of each kind: what the campaign must find, and what it must let pass.

Run as a module it prints as JSON what the campaign says of each; see `test_harness.py`.
"""

import ctypes
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import numpy as np

from tests.campaigns.outcome import SECRET, Outcome
from tests.campaigns.pool import outcomes
from tests.campaigns.target import Made, Rng, Target
from undertow.errors import DataError, DataWarning

HANG_S = 1.0
Said = TypeVar("Said", bound=Exception)


def _made(rng: Rng, folder: Path) -> Made:
    (folder / "input").write_bytes(rng.bytes(8))
    return Made(folder / "input", [f"{int(rng.integers(1000))}"])


def _unmakeable(rng: Rng, folder: Path) -> Made:
    raise OSError("no input can be made")


def _refuse(text: str) -> Callable[[Made], Any]:
    def use(made: Made) -> Any:
        raise _verbatim(DataError(text), text)

    return use


def _warn(kind: type[Warning], text: str) -> Callable[[Made], Any]:
    return lambda made: warnings.warn(_verbatim(kind(text), text), stacklevel=1)


def _verbatim(message: Said, text: str) -> Said:
    """With the text as it is, not made plain."""
    message.args = (text,)
    return message


def _read(made: Made) -> Any:
    return SimpleNamespace(spikes=np.ones((3, 4, 5)))


def _leak(made: Made) -> Any:
    return SimpleNamespace(spikes=np.full((3, 4, 5), float(SECRET)))


def _key_error(made: Made) -> Any:
    return {}["spikes"]


def _allocate(made: Made) -> Any:
    return np.ones(10**10)


def _hang(made: Made) -> Any:
    while True:
        pass


def _crash(made: Made) -> Any:
    ctypes.string_at(0)


FAULTS: dict[str, tuple[str, Callable[[Made], Any]]] = {
    "reads": ("read", _read),
    "refuses": ("refused", _refuse("bin_ms is 'ten': it must be a number.")),
    "says a warning of ours": ("read", _warn(DataWarning, "2 neurons never spike.")),
    "raises": ("other exception", _key_error),
    "says two lines": ("message", _refuse("one\ntwo")),
    "says too much": ("message", _refuse("a" * 3000)),
    "steers the terminal": ("message", _refuse("\x1b[2J")),
    "says nothing": ("message", _refuse("")),
    "warns of its insides": ("stray warning", _warn(RuntimeWarning, "overflow in cast")),
    "warns in two lines": ("message", _warn(DataWarning, "one\ntwo")),
    "leaks": ("leak", _leak),
    "allocates": ("memory", _allocate),
    "hangs": ("hang", _hang),
    "crashes": ("crash", _crash),
}


def main() -> None:
    """Print target → verdicts of three inputs each, and what was kept."""
    targets = {name: Target(name, _made, use) for name, (_, use) in FAULTS.items()}
    targets["cannot be made"] = Target("cannot be made", _unmakeable, _read)
    jobs = [(name, number) for number in range(3) for name in targets]
    found: dict[str, list[Any]] = {}
    kept: list[str] = []

    def keep(outcome: Outcome, inputs: Path) -> None:
        if (inputs / "input").is_file():
            kept.append(outcome.target)

    for each in outcomes(jobs, targets, 0, 2, HANG_S, keep):
        found.setdefault(each.target, []).append([each.verdict, list(each.changes)])
    print(json.dumps({"found": found, "kept": kept}))


if __name__ == "__main__":
    main()
