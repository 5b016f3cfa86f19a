"""Locks: one process writes to one place, and what a killed one left there is known as its own.

A lock is a file that names its process: host, number and start, since numbers are used again.
"""

import os
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from undertow.errors import HeldError, UndertowError, WriteError
from undertow.files import partials, read_json, reason, write_json

LOCK = ".undertow.lock"
FIELDS = {"pid": int, "host": str, "started": str, "since": str, "what": str}


@dataclass(frozen=True)
class Holder:
    """The process that holds a lock, and since when.

    Attributes:
        started: when the process was, as the system counts; empty where it does not say.
        what: which command it runs.
    """

    pid: int
    host: str
    started: str
    since: str
    what: str

    @classmethod
    def this(cls, what: str) -> "Holder":
        """This process."""
        pid, now = os.getpid(), time.strftime("%Y-%m-%d %H:%M:%S")
        return cls(pid, platform.node(), _state(pid)[1], now, what)

    @classmethod
    def of(cls, lock: Path) -> "Holder | None":
        """Who made the lock; None where there is none, or none that can be read."""
        if not lock.is_file():
            return None
        try:
            found = read_json(lock)
        except UndertowError:
            return None
        known = isinstance(found, dict) and found.keys() == FIELDS.keys()
        if known and all(isinstance(found[name], kind) for name, kind in FIELDS.items()):
            return cls(**found)
        return None

    @property
    def runs(self) -> bool:
        """Whether it may still run: one on another host may."""
        if self.host != platform.node():
            return True
        state, started = _state(self.pid)
        return state not in ("", "Z", "X") and started == self.started


def _state(pid: int) -> tuple[str, str]:
    """State of a process ('' where there is none) and its start, '' where the system is silent."""
    if os.path.isdir("/proc/self"):
        try:
            # after the name of the command, which may hold anything
            line = Path(f"/proc/{pid}/stat").read_text(errors="replace")
            fields = line.rpartition(")")[2].split()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return "", ""
        return fields[0], f"{boot} {fields[19]}"
    if os.name == "nt":  # os.kill would end it
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)  # type: ignore[attr-defined]
        return ("R" if handle else ""), ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "", ""
    except PermissionError:
        pass
    return "R", ""


# --- claiming a place ----------------------------------------------------------------------------


@contextmanager
def claimed(lock: Path, what: str, check: Callable[[bool], None], place: Path) -> Iterator[bool]:
    """Hold a lock in the block.

    Args:
        lock: its file, in a folder that is there.
        what: which command asks.
        check: called before the lock is made, with whether a killed process of the same command
            left its work here; raises to refuse.
        place: what is locked, for messages.

    Yields:
        Whether a killed process of the same command left its work here.

    Raises:
        HeldError: when another process holds it.
        UndertowError: when nothing can be written there, or `check` refuses.
    """
    own = Holder.this(what)
    with _one_at_a_time(lock.parent):
        refuse_held(lock, place)
        left = unfinished(lock, what)
        check(left)
        with writable(place):
            write_json(lock, asdict(own))
    for part in partials(lock.parent, lock.name):
        part.unlink(missing_ok=True)
    if Holder.of(lock) != own:  # where no guard holds the two apart, the later one wins
        refuse_held(lock, place)
    try:
        yield left
    finally:
        with suppress(OSError):
            lock.unlink(missing_ok=True)


def unfinished(lock: Path, what: str) -> bool:
    """Whether a killed process of this command left its lock."""
    holder = Holder.of(lock)
    return holder is not None and holder.what == what and not holder.runs


def refuse_held(lock: Path, place: Path) -> None:
    """Refuse a place that another process holds.

    Raises:
        HeldError: with the process, and what to do.
    """
    holder = Holder.of(lock)
    if holder is None or not holder.runs:
        return
    way_out = "wait until it ends, or choose another place."
    if holder.host != platform.node():
        way_out = f"wait until it ends; if it runs no longer, delete {lock}."
    raise HeldError(
        f"{place} is written to by another {holder.what} (process {holder.pid} on {holder.host}, "
        f"since {holder.since}): {way_out}"
    )


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process look at a lock and make it; the system frees the guard of a killed one."""
    try:
        import fcntl

        descriptor = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):  # Windows; folders that cannot be opened
        yield
        return
    try:
        with suppress(OSError):  # file systems without such guards
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def writable(place: Path) -> Iterator[None]:
    """Say, before work starts, that nothing can be written to a place, and why.

    Raises:
        UndertowError: for what the system refuses inside.
    """
    try:
        yield
    except WriteError as error:
        raise UndertowError(f"{place} cannot be written: {_why(error)}") from None
    except OSError as error:
        raise UndertowError(
            f"{place} cannot be written: {reason(error)}. Choose another place."
        ) from None


def _why(error: WriteError) -> str:
    return f"{str(error).partition('could not be written: ')[2]} Choose another place."
