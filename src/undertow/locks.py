"""Locks: one process writes to one place, and what a killed one left there is known as its own.

A lock is a file that names its process: host, number and start, since numbers are used again. It
is renewed while it is held, so that what a killed process left on another host lapses.
"""

import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from undertow.errors import HeldError, UndertowError, WriteError
from undertow.files import PARTIAL, partials, read_json, reason, write_json

LOCK, SHARD_LOCK = ".undertow.lock", ".undertow.shard-{shard}.lock"
RENEWED_S, LAPSED_S = 60.0, 600.0
"""A held lock is renewed each minute; one of another host lapses after ten without."""
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

    def holds(self, lock: Path) -> bool:
        """Whether it may still run: one on another host may, until its lock lapses."""
        if self.host != platform.node():
            return _age_s(lock) < LAPSED_S
        state, started = _state(self.pid)
        return state not in ("", "Z", "X") and started == self.started


def _age_s(lock: Path) -> float:
    """Seconds since a lock was renewed, by the clock of its file system; 0 where none tells."""
    probe = lock.with_name(f".{lock.name}.{uuid.uuid4().hex[:8]}{PARTIAL}")
    try:
        probe.touch()
        return probe.stat().st_mtime - lock.stat().st_mtime
    except OSError:
        return 0.0
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)


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
        with _renewed(lock):
            yield left
    finally:
        if Holder.of(lock) == own:  # one that lapsed may be another's by now
            with suppress(OSError):
                lock.unlink(missing_ok=True)


@contextmanager
def _renewed(lock: Path) -> Iterator[None]:
    """Renew a lock in the block, so that other hosts see that its process runs."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(RENEWED_S):
            with suppress(OSError):
                os.utime(lock)

    threading.Thread(target=renew, name="undertow lock", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def unfinished(lock: Path, what: str) -> bool:
    """Whether a killed process of this command left its lock."""
    holder = Holder.of(lock)
    return holder is not None and holder.what == what and not holder.holds(lock)


def refuse_held(lock: Path, place: Path) -> None:
    """Refuse a place that another process holds.

    Raises:
        HeldError: with the process, and what to do.
    """
    holder = Holder.of(lock)
    if holder is None or not holder.holds(lock):
        return
    way_out = "wait until it ends, or choose another place."
    if holder.host != platform.node():
        way_out = (
            f"wait until it ends; if it runs no longer, wait {LAPSED_S / 60:.0f} minutes, or "
            f"delete {lock}."
        )
    raise HeldError(
        f"{place} is written to by another {holder.what} (process {holder.pid} on {holder.host}, "
        f"since {holder.since}): {way_out}"
    )


def lock_of(folder: Path, shard: str | None = None) -> Path:
    """The lock by which a command holds a folder: alone, or as a shard such as '2/8' of several."""
    name = LOCK if shard is None else SHARD_LOCK.format(shard=shard.replace("/", "-of-"))
    return folder / name


def locks_in(folder: Path) -> list[Path]:
    """Locks by which a folder is held, or was by a process that was killed."""
    with suppress(OSError):
        shards = folder.glob(SHARD_LOCK.format(shard="*"))
        return [each for each in (folder / LOCK, *shards) if each.exists()]
    return []


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
