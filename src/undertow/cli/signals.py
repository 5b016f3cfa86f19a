"""Ctrl-C and SIGTERM: heard from the first line of the program to its last.

Nothing heavy is imported here: what is imported first, hears first.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 128 + signal.SIGINT
IMPORTING = "importlib._bootstrap"
SAME_S = 2.0
"""A SIGTERM so soon after Ctrl-C is a launcher's, such as that of `torchrun`, which sends both."""
_state = {"signal": signal.SIGINT, "heard": 0}
_heard_at = {"s": 0.0}


def leave_on_signals() -> None:
    """End the program at once on Ctrl-C or SIGTERM, until a verb listens; nothing is at stake.

    A program that its parent told to be deaf to Ctrl-C stays so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    signal.signal(signal.SIGTERM, _leave)


@contextmanager
def listening() -> Iterator[None]:
    """Raise KeyboardInterrupt inside the block on Ctrl-C and SIGTERM, so that a verb can save.

    In the command's own process only; elsewhere (in a test, a notebook) handlers stay as they are.
    """
    ours = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) is _leave]
    for each in ours:
        signal.signal(each, _raise)
    try:
        yield
    finally:
        for each in ours:
            signal.signal(each, _leave)


def exit_code() -> int:
    """130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + _state["signal"]


def _leave(number: int, frame: FrameType | None) -> None:
    _end(number, "interrupted")


def _raise(number: int, frame: FrameType | None) -> None:
    now, interrupted = time.monotonic(), _state["heard"] and _state["signal"] == signal.SIGINT
    if interrupted and number == signal.SIGTERM and now - _heard_at["s"] < SAME_S:
        return
    _state["signal"], _state["heard"], _heard_at["s"] = number, _state["heard"] + 1, now
    if _state["heard"] > 1:
        # the first was swallowed, or what it set off takes too long
        _end(number, "interrupted again; what was saved before is kept")
    if _importing(frame):
        # modules swallow it while they are imported; files are whole at any moment
        _end(number, "interrupted; what was saved before is kept")
    raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_globals.get("__name__") == IMPORTING:
            return True
        frame = frame.f_back
    return False


def _end(number: int, what: str) -> None:
    # neither clean-up nor buffers: both may wait for what was interrupted
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"undertow: {what}.\n".encode())
    os._exit(128 + number)
