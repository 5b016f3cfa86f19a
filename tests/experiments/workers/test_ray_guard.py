"""What a killed search leaves is found by its mark and ended; other processes are left alone."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from undertow.experiments.workers.ray_guard import MARK, end_marked, mark_of, marked, start_guard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked at in /proc")
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
WAIT_S = 60.0
DRIVER = """
import os, subprocess, sys
from pathlib import Path
from undertow.experiments.workers.ray_guard import start_guard
start_guard(sys.argv[1], Path(sys.argv[2]))
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                 env={**os.environ, "UNDERTOW_SEARCH": sys.argv[1]}, start_new_session=True)
print("ready", flush=True)
import time
time.sleep(600)
"""


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """A mark of this test's own, and the end of all that bears it."""
    yield mark_of(tmp_path)
    end_marked(mark_of(tmp_path))


def sleeping(mark: str | None) -> "subprocess.Popen[bytes]":
    environment = os.environ if mark is None else {**os.environ, MARK: mark}
    return subprocess.Popen(SLEEP, env=environment)


def wait_for(what: bool, mark: str) -> None:
    """Until processes bear the mark, or none do any more."""
    until = time.monotonic() + WAIT_S
    while bool(marked(mark)) != what:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_only_what_bears_the_mark_is_ended(mark: str) -> None:
    mine, others, plain = sleeping(mark), sleeping(f"{mark}0"), sleeping(None)
    try:
        assert marked(mark) == [mine.pid]
        end_marked(mark)
        assert mine.wait(WAIT_S) == -signal.SIGKILL
        assert marked(mark) == []
        assert (others.poll(), plain.poll()) == (None, None)
    finally:
        for each in (mine, others, plain):
            each.kill()
            each.wait()


def test_folders_have_marks_of_their_own(tmp_path: Path) -> None:
    assert mark_of(tmp_path) == mark_of(tmp_path / "a" / "..")
    assert mark_of(tmp_path) != mark_of(tmp_path / "a")


def test_a_guard_cleans_up_when_it_is_told(mark: str, tmp_path: Path) -> None:
    folder = tmp_path / "left"
    (folder / "inside").mkdir(parents=True)
    child = sleeping(mark)
    guard = start_guard(mark, folder)
    guard.communicate(timeout=WAIT_S)
    assert child.wait(WAIT_S) == -signal.SIGKILL
    assert not folder.exists()


def test_a_guard_cleans_up_when_its_process_is_killed(mark: str, tmp_path: Path) -> None:
    folder = tmp_path / "left"
    folder.mkdir()
    command = [sys.executable, "-c", DRIVER, mark, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdout is not None
        assert driver.stdout.readline() == "ready\n"
        wait_for(True, mark)
        driver.kill()
    wait_for(False, mark)
    until = time.monotonic() + WAIT_S
    while folder.exists():
        assert time.monotonic() < until
        time.sleep(0.05)
