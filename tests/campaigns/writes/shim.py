"""A shim around the calls that write: it counts those within a folder and acts at each of them.

It is put in place in a child process alone; the package knows nothing of it.
"""

import builtins
import io
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Act = Callable[[int, str, str], None]
"""(number of the call, its kind, its path); returns, raises or ends the process."""
CREATING = ("open", "mkdir", "fsync", "truncate", "hdf5", "safetensors", "link", "write")
"""Kinds that a full disk refuses."""
REMOVING = ("unlink", "rmdir")
SIMPLE = {
    "replace": ("os.replace", "os.rename"),
    "unlink": ("os.unlink", "os.remove"),
    "mkdir": ("os.mkdir",),
    "rmdir": ("os.rmdir",),
    "fsync": ("os.fsync", "os.fdatasync"),
    "truncate": ("os.truncate", "os.ftruncate"),
    "link": ("os.link", "os.symlink"),
    "chmod": ("os.chmod",),
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Shim:
    """Counts calls that write below `folder`, logs them and lets `act` decide what happens."""

    def __init__(self, folder: Path, act: Act, log: int) -> None:
        self.folder, self.act, self.log, self.count = str(folder.resolve()), act, log, 0

    def install(self) -> None:
        """Put it around the calls, in this process."""
        for kind, names in SIMPLE.items():
            for name in names:
                attribute = name.partition(".")[2]
                setattr(os, attribute, self._around(kind, getattr(os, attribute)))
        os.open = self._opening(os.open)  # type: ignore[assignment]
        builtins.open = io.open = self._mode_opening(io.open)  # type: ignore[assignment]
        self._native()

    def note(self, kind: str, path: Any, dir_fd: int | None = None) -> None:
        """Count a call where it is below the folder, and act."""
        where = _resolved(path, dir_fd)
        if where is None or not f"{where}/".startswith(f"{self.folder}/"):
            return
        self.count += 1
        inside = where[len(self.folder) + 1 :]
        os.write(self.log, f"{kind}\t{inside!a}\n".encode())
        self.act(self.count, kind, where)

    def _around(self, kind: str, call: Any) -> Any:
        def noted(path: Any, *args: Any, **kwargs: Any) -> Any:
            self.note(kind, path, kwargs.get("dir_fd"))
            return call(path, *args, **kwargs)

        return noted

    def _opening(self, call: Any) -> Any:
        def noted(path: Any, flags: int, *args: Any, **kwargs: Any) -> Any:
            if flags & WRITING:
                self.note("open", path, kwargs.get("dir_fd"))
            return call(path, flags, *args, **kwargs)

        return noted

    def _mode_opening(self, call: Any) -> Any:
        def noted(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if set(mode) & set("wxa+"):
                self.note("open", file)
            return call(file, mode, *args, **kwargs)

        return noted

    def _native(self) -> None:
        """Libraries that write without Python's calls."""
        import h5py
        import safetensors.torch

        opening, dataset = h5py.File.__init__, h5py.Group.create_dataset
        packing = safetensors.torch.serialize_file

        def opened(file: Any, name: Any, mode: str = "r", *args: Any, **kwargs: Any) -> None:
            if mode != "r" and isinstance(name, str | bytes | os.PathLike):
                self.note("hdf5", name)
            opening(file, name, mode, *args, **kwargs)

        def made(group: Any, *args: Any, **kwargs: Any) -> Any:
            self.note("hdf5", group.file.filename)
            return dataset(group, *args, **kwargs)

        def packed(tensors: Any, filename: Any, *args: Any, **kwargs: Any) -> Any:
            self.note("safetensors", filename)
            return packing(tensors, filename, *args, **kwargs)

        h5py.File.__init__, h5py.Group.create_dataset = opened, made
        safetensors.torch.serialize_file = packed


def _resolved(path: Any, dir_fd: int | None) -> str | None:
    """The absolute path of an argument: a path, one relative to a folder, or a descriptor."""
    try:
        if isinstance(path, int):
            return os.readlink(f"/proc/self/fd/{path}")
        base = os.getcwd() if dir_fd is None else os.readlink(f"/proc/self/fd/{dir_fd}")
        return os.path.normpath(os.path.join(base, os.fsdecode(path)))
    except (OSError, TypeError):
        return None


# --- what happens at a call ----------------------------------------------------------------------


def nothing(number: int, kind: str, path: str) -> None:
    """Only count."""


def kill_at(at: int) -> Act:
    """Kill this process before its `at`-th call; a file about to be synced is left half written."""

    def act(number: int, kind: str, path: str) -> None:
        if number != at:
            return
        if kind == "fsync" and os.path.isfile(path):
            with open(path, "rb+") as file:
                file.truncate(os.path.getsize(path) // 2)
        os.kill(os.getpid(), signal.SIGKILL)

    return act


def fail_at(at: int, code: int, on: tuple[str, ...] = (), lasting: bool = False) -> Act:
    """Let the `at`-th call fail with an error of the system, and with `lasting` all later ones.

    Args:
        at: number of the call.
        code: of the error.
        on: the kinds that fail; all by default.
        lasting: a disk that is full stays full.
    """

    def act(number: int, kind: str, path: str) -> None:
        now = number == at or (lasting and number > at)
        if now and (not on or kind in on):
            raise OSError(code, os.strerror(code), path)

    return act


def meet(barrier: Path, name: str, other: str, seconds: float = 20.0) -> Act:
    """Wait at the first call until another process is at its own."""

    def act(number: int, kind: str, path: str) -> None:
        if number != 1:
            return
        (barrier / name).touch()
        end = time.monotonic() + seconds
        while not (barrier / other).exists() and time.monotonic() < end:
            time.sleep(0.002)

    return act
