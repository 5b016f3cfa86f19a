"""Locks: another process is refused, and a dead one's lock is taken over."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from undertow.errors import UndertowError
from undertow.locks import LAPSED_S, Holder, claimed, unfinished

ABSENT = 2**22 - 1  # above the numbers that systems give


def free(left: bool) -> None:
    """Anything may be there."""


def write(lock: Path, holder: Holder) -> Holder:
    lock.write_text(json.dumps(asdict(holder)))
    return holder


def claim(lock: Path, what: str = "run") -> bool:
    with claimed(lock, what, free, lock.parent) as left:
        assert Holder.of(lock) is not None
    assert not lock.exists()
    return left


def test_a_lock_names_its_process_and_goes_with_it(tmp_path: Path) -> None:
    assert claim(tmp_path / "lock") is False
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with (
        claimed(lock, "run", free, tmp_path),
        pytest.raises(UndertowError, match=rf"another run \(process {os.getpid()} on .* wait"),
        claimed(lock, "run", free, tmp_path),
    ):
        raise AssertionError("never entered")
    code = (
        "import sys; from pathlib import Path; from undertow.locks import claimed\n"
        "with claimed(Path(sys.argv[1]), 'run', lambda left: None, Path('here')):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(lock)], **pipes) as other:  # type: ignore[call-overload]
        assert other.stdout.readline().strip() == b"held"
        with pytest.raises(UndertowError, match=f"process {other.pid} on"):
            claim(lock)
        other.kill()
    assert claim(lock) is True


@pytest.mark.parametrize("other", [{"pid": ABSENT}, {"started": "before the machine was built"}])
def test_a_dead_process_s_lock_is_taken_over(tmp_path: Path, other: dict) -> None:
    """Its number may be in use again, by a process that began at another time."""
    lock = tmp_path / "lock"
    write(lock, replace(Holder.this("run"), **other))
    assert unfinished(lock, "run")
    assert not unfinished(lock, "predict")
    assert claim(lock) is True
    write(lock, replace(Holder.this("run"), **other))
    assert claim(lock, "predict") is False


def test_another_host_is_refused_with_how_to_remove_its_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    write(lock, replace(Holder.this("run"), host="elsewhere", pid=ABSENT))
    with pytest.raises(
        UndertowError, match=r"on elsewhere, .* if it runs no longer, wait 10 minutes, or delete .*"
    ):
        claim(lock)
    assert [each.name for each in tmp_path.iterdir()] == ["lock"]


def test_a_lock_of_another_host_lapses_unless_it_is_renewed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    write(lock, replace(Holder.this("run"), host="elsewhere", pid=ABSENT))
    for age_s, lapsed in ((LAPSED_S - 30, False), (LAPSED_S + 30, True)):
        then = lock.stat().st_ctime - age_s
        os.utime(lock, (then, then))
        assert unfinished(lock, "run") is lapsed
    assert claim(lock) is True


def test_a_held_lock_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.locks.RENEWED_S", 0.01)
    lock = tmp_path / "lock"
    with claimed(lock, "run", free, tmp_path):
        os.utime(lock, (1.0, 1.0))
        for _ in range(1000):
            if lock.stat().st_mtime > 1:
                break
            time.sleep(0.01)
        assert lock.stat().st_mtime > 1


def test_a_lock_that_another_took_over_is_left_to_it(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with claimed(lock, "run", free, tmp_path):
        other = write(lock, replace(Holder.this("run"), host="elsewhere"))
    assert Holder.of(lock) == other


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"pid": "1"}', "null"])
def test_a_lock_nobody_can_read_holds_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert claim(tmp_path / "lock") is False


def test_what_refuses_leaves_the_lock_as_it_was(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    held = write(lock, replace(Holder.this("run"), pid=ABSENT))

    def refuse(left: bool) -> None:
        assert left
        raise UndertowError("no")

    with pytest.raises(UndertowError, match="no"), claimed(lock, "run", refuse, tmp_path):
        raise AssertionError("never entered")
    assert Holder.of(lock) == held
