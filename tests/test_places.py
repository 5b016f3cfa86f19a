"""Places: one command's folder or file, taken up again after a kill and left clean by an error."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from undertow.errors import UndertowError
from undertow.files import write_text
from undertow.locks import LOCK, Holder
from undertow.places import holds_nothing, new_file, new_folder

PART = ".scores.json.0123abcd.part"
DEAD = replace(Holder.this("predict"), started="long ago")


def leave(lock: Path, what: str) -> None:
    """The lock of a process that was killed."""
    lock.write_text(json.dumps(asdict(replace(DEAD, what=what))))


def fill(out: Path, error: BaseException | None = None) -> None:
    with new_folder(out, "predict"):
        write_text(out / "a.csv", "a")
        if error is not None:
            raise error


def test_a_folder_is_made_filled_and_given_up(tmp_path: Path) -> None:
    fill(tmp_path / "new" / "p")
    assert [each.name for each in (tmp_path / "new" / "p").iterdir()] == ["a.csv"]
    with pytest.raises(UndertowError, match="exists and is not an empty directory"):
        fill(tmp_path / "new" / "p")


@pytest.mark.parametrize("error", [UndertowError("no"), KeyboardInterrupt(), OSError(28, "full")])
def test_an_error_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)) as raised:
        fill(tmp_path / "new" / "p", error)
    assert list(tmp_path.iterdir()) == []
    if isinstance(error, KeyboardInterrupt):
        assert str(raised.value) == "interrupted; nothing was written."


def test_what_a_killed_command_left_is_taken_up(tmp_path: Path) -> None:
    for name in (PART, f".{LOCK}.0123abcd.part"):
        (tmp_path / name).touch()
    assert holds_nothing(tmp_path)
    leave(tmp_path / LOCK, "predict")
    (tmp_path / "b.csv").touch()
    fill(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.csv", "b.csv"]


def test_what_another_command_left_is_not(tmp_path: Path) -> None:
    leave(tmp_path / LOCK, "run")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(UndertowError, match="not an empty directory"):
        fill(tmp_path)
    assert (tmp_path / "model.safetensors").exists()


def write(path: Path) -> None:
    with new_file(path, "simulate"):
        write_text(path, "new")


def test_an_earlier_file_is_never_overwritten(tmp_path: Path) -> None:
    write_text(path := tmp_path / "a.h5", "old")
    with pytest.raises(UndertowError, match=r"a\.h5 exists: choose another file"):
        write(path)
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.h5"]


def test_a_killed_command_s_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    leave(tmp_path / ".a.h5.lock", "simulate")
    for name in ("a.h5", ".a.h5.0123abcd.part", "..a.h5.lock.0123abcd.part", ".b.h5.0123abcd.part"):
        (tmp_path / name).touch()
    write(path)
    assert path.read_text() == "new"
    assert sorted(each.name for each in tmp_path.iterdir()) == [".b.h5.0123abcd.part", "a.h5"]


@pytest.mark.parametrize("use", [fill, write])
@pytest.mark.parametrize("name", ["x" * 300, "file/inside"])
def test_a_place_that_cannot_be_is_refused(
    tmp_path: Path, use: Callable[[Path], None], name: str
) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UndertowError, match=r"the name is too long|a file stands where a folder"):
        use(tmp_path / name)
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_disk_that_cannot_be_written_is_refused_before_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UndertowError, match=r"p cannot be written: the disk is full\. Choose"):
        fill(tmp_path / "p")
    assert list(tmp_path.iterdir()) == []
