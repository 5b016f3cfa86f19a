"""What is left of Ray when a search is killed: found by a mark in its environment, and ended.

Ray's own helpers outlive a process that is killed. As a script, this file waits for the process
that started it to end, in whatever way, and then ends all that bear its mark.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

MARK = "UNDERTOW_SEARCH"
"""Variable in the environment of Ray's processes; its value tells searches apart."""
PROCESSES = Path("/proc")
TRIES, WAIT_S = 50, 0.1


def mark_of(folder: Path) -> str:
    """The mark of the processes that search in a folder."""
    return hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]


def marked(mark: str) -> list[int]:
    """Numbers of the processes that were started under this mark; none where none can be seen."""
    wanted = f"{MARK}={mark}".encode()
    return [
        int(folder.name)
        for folder in PROCESSES.glob("[0-9]*")
        if wanted in _environment(folder) and int(folder.name) != os.getpid()
    ]


def _environment(folder: Path) -> list[bytes]:
    """Variables a process was started with; none of another user's, or of one that has ended."""
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def end_marked(mark: str) -> None:
    """End every process of this mark, and those that they start meanwhile."""
    for _ in range(TRIES):
        if not (found := marked(mark)):
            return
        for number in found:
            with suppress(OSError):
                os.kill(number, signal.SIGKILL)
        time.sleep(WAIT_S)


def start_guard(mark: str, folder: Path) -> "subprocess.Popen[bytes]":
    """Start a process that ends what bears the mark, and removes a folder, once this one ends.

    Closing its standard input does the same at once.
    """
    command = [sys.executable, "-I", __file__, mark, str(folder)]
    # a session of its own: Ctrl-C in a terminal does not reach it
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)


def main() -> None:
    """Wait until nobody can write to standard input any more, then clean up."""
    sys.stdin.buffer.read()
    mark, folder = sys.argv[1:]
    end_marked(mark)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
