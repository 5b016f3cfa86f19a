"""The command as a process: pipes that close, disks that are full, signals at any moment."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals and files")
START = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by a background parent
from undertow.cli.start import main
main()
"""


def start(*words: object, **streams: object) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
    command = [sys.executable, "-c", START, *map(str, words)]
    return subprocess.Popen(command, text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def test_a_reader_that_has_read_enough_is_no_failure(recording: Path) -> None:
    with start("info", recording) as process:
        process.stdout.close()  # type: ignore[union-attr]
        said = process.stderr.read()  # type: ignore[union-attr]
    assert (process.returncode, said) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_what_cannot_be_printed_is_said_and_the_file_stays(tmp_path: Path) -> None:
    out = tmp_path / "a.h5"
    with (
        open("/dev/full", "w") as full,
        start("simulate", "lorenz", "--set", "conditions=2", "--out", out, stdout=full) as process,
    ):
        _, said = process.communicate()
    assert process.returncode == 3
    assert said.startswith("undertow: not all could be printed (No space left on device)")
    assert said.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_errors_nobody_can_hear_end_nothing(recording: Path) -> None:
    with start("info", recording) as process:
        process.stderr.close()  # type: ignore[union-attr]
        assert "trials" in process.stdout.read()  # type: ignore[union-attr]
    assert process.returncode == 0


def wait_until_heard(process: subprocess.Popen[str]) -> None:
    """Until the process has its own handler: bit SIGTERM of SigCgt in what Linux says of it."""
    term = 1 << (signal.SIGTERM - 1)
    while True:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        caught = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
        if int(caught, 16) & term:
            return
        time.sleep(0.001)


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="looks into /proc")
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("later_s", [0.0, 0.5])
def test_a_signal_is_heard_while_the_program_is_still_loaded(
    recording: Path, sent: signal.Signals, code: int, later_s: float
) -> None:
    with start("info", recording) as process:
        wait_until_heard(process)
        time.sleep(later_s)
        process.send_signal(sent)
        _, said = process.communicate()
    if process.returncode:  # a quick machine may be done
        assert process.returncode == code
        assert said.startswith("undertow")
        assert "interrupted" in said
        assert "Traceback" not in said


def test_the_package_is_a_program_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "undertow", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("undertow ")
