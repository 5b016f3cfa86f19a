"""What became of one input: refused with a sentence, read, or one of the faults."""

import gc
import re
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from undertow.errors import DataWarning, UndertowError

MOST_CHARACTERS = 2000
SECRET = 113
"""Every value of the file beside an input that nothing may read."""
NO_MEMORY = ("can't allocate memory", "not enough memory", "Unable to allocate", "bad_alloc")


class Verdict(StrEnum):
    """The classes of outcomes; all but the first two are faults."""

    REFUSED = "refused"
    READ = "read"
    OTHER = "other exception"
    MESSAGE = "message"  # of several lines, too long, or with characters that steer a terminal
    WARNING = "stray warning"
    LEAK = "leak"  # read out of another file
    MEMORY = "memory"
    HANG = "hang"
    CRASH = "crash"
    GENERATOR = "generator"  # a fault of the campaign itself

    @property
    def fault(self) -> bool:
        return self not in (Verdict.REFUSED, Verdict.READ)


@dataclass(frozen=True)
class Outcome:
    """One input and what became of it.

    Attributes:
        target: its name.
        number: of the input; with target and seed it makes the same input again.
        verdict: the class.
        what: the fault in a few words, the same for the same fault.
        detail: message or traceback.
        changes: how the input differs from a valid one.
        seconds: of processor time that it took.
    """

    target: str
    number: int
    verdict: Verdict
    what: str = ""
    detail: str = ""
    changes: tuple[str, ...] = ()
    seconds: float = 0.0


def judged(use: Callable[[], Any]) -> tuple[Verdict, str, str, float]:
    """(verdict, what, detail, seconds of processor time) of what a user would call."""
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = _of_result(use())
        except UndertowError as error:
            found = _of_message(Verdict.REFUSED, str(error))
        except MemoryError as error:
            found = Verdict.MEMORY, _place(error), traceback.format_exc()
        except (Exception, SystemExit) as error:
            found = _of_exception(error)
    if not found[0].fault:
        found = _of_warnings(caught) or found
    seconds = time.process_time() - start
    if found[0] is not Verdict.READ:
        gc.collect(1)  # what a traceback held open must not reach the next input
    return *found, seconds


def _of_result(result: Any) -> tuple[Verdict, str, str]:
    if leaked := [name for name, values in _arrays(result) if (values == SECRET).sum() >= 8]:
        return Verdict.LEAK, f"{leaked[0]} holds what lies in another file", ""
    return Verdict.READ, "", ""


def _arrays(result: Any) -> list[tuple[str, np.ndarray]]:
    names = ("spikes", "behavior", "stimulus", "truth")
    values = [(name, getattr(result, name, None)) for name in names]
    return [(name, value) for name, value in values if isinstance(value, np.ndarray)]


def _of_message(verdict: Verdict, text: str) -> tuple[Verdict, str, str]:
    if "\n" in text:
        return Verdict.MESSAGE, f"several lines: {_start(text)}", text[:4000]
    if len(text) > MOST_CHARACTERS:
        return Verdict.MESSAGE, f"{len(text)} characters: {_start(text)}", text[:4000]
    if not text.strip() or not text.isprintable():
        return Verdict.MESSAGE, f"empty or unprintable: {_start(text)}", ascii(text)
    return verdict, "", text


def _of_exception(error: BaseException) -> tuple[Verdict, str, str]:
    text = traceback.format_exc()
    starved = any(words in text for words in NO_MEMORY)
    return Verdict.MEMORY if starved else Verdict.OTHER, _place(error), text


def _of_warnings(caught: list[warnings.WarningMessage]) -> tuple[Verdict, str, str] | None:
    for each in caught:
        text, kind = str(each.message), each.category
        foreign = "site-packages" in each.filename and kind is UserWarning
        if not issubclass(kind, UserWarning) or (foreign and not issubclass(kind, DataWarning)):
            where = f"{Path(each.filename).name}: {kind.__name__}: {_start(text)}"
            return Verdict.WARNING, where, f"{each.filename}:{each.lineno}: {text}"
        if (found := _of_message(Verdict.READ, text))[0].fault:
            return found
    return None


def _place(error: BaseException) -> str:
    """The kind of an exception and the last line of the library that it passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "/undertow/" in f.filename and "campaigns" not in f.filename]
    last = own[-1] if own else (frames[-1] if frames else None)
    where = f"{Path(last.filename).name}:{last.lineno} {last.name}" if last else "nowhere"
    return f"{type(error).__name__} at {where}"


def _start(text: str) -> str:
    """The beginning of a message without the folder of the input, which differs every time."""
    return ascii(re.sub(r"/\S*/", "…/", text)[:60])[1:-1]


def signal_name(code: int | None) -> str:
    """How a process ended: 'SIGSEGV', or its exit status."""
    import signal

    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit {code}"


def say(line: str) -> None:
    """A line of progress on stderr."""
    print(line, file=sys.stderr, flush=True)
