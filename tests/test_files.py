"""Files: what is written is written whole, or not at all."""

import csv
import errno
import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from undertow.errors import DataError, UndertowError, WriteError
from undertow.files import (
    csv_text,
    existing_file,
    flatten,
    partials,
    plain,
    read_json,
    write_json,
    write_text,
    written_whole,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = write_text(tmp_path / "a.txt", "old")

    def break_off() -> None:
        with written_whole(target, overwrite=True) as temporary:
            temporary.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    target = write_text(tmp_path / "a.txt", "old")
    with (
        pytest.raises(DataError, match=r"a\.txt exists: choose another name"),
        written_whole(target),
    ):
        raise AssertionError("never entered")
    write_text(target, "new")
    assert target.read_text() == "new"


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere is not a folder"):
        write_text(tmp_path / "nowhere" / "a.txt", "x")


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path, rule in (
        (tmp_path, "is a folder"),
        (tmp_path / "none", "is not there"),
        (tmp_path / "empty", "is empty"),
    ):
        with pytest.raises(DataError, match=rule):
            existing_file(path)
    assert existing_file(str(write_text(tmp_path / "a", "x"))) == tmp_path / "a"


def test_json_holds_plain_values(tmp_path: Path) -> None:
    content = {
        "array": np.arange(3),
        "number": np.float32(0.5),
        "nan": math.nan,
        "nested": {"tuple": (1, None, True)},
        "path": Path("here"),
        "code": plain,
    }
    found = read_json(write_json(tmp_path / "a.json", content))
    assert found == {
        "array": [0, 1, 2],
        "number": 0.5,
        "nan": None,
        "nested": {"tuple": [1, None, True]},
        "path": "here",
        "code": "undertow.files.plain",
    }
    with pytest.raises(UndertowError, match="cannot be read as JSON"):
        read_json(write_text(tmp_path / "b.json", "{"))


def test_tables_flatten_to_dotted_keys() -> None:
    assert flatten({"a": 1, "b": {"c": 2, "d": {"e": 3}}}) == {"a": 1, "b.c": 2, "b.d.e": 3}


# --- what the system refuses, and what other programs make of a file ------------------------------


@pytest.mark.parametrize(
    ("call", "number", "why"),
    [
        ("replace", errno.ENOSPC, "the disk is full"),
        ("fsync", errno.EDQUOT, "the quota of this disk is used up"),
        ("fsync", errno.EIO, os.strerror(errno.EIO)),
        ("replace", errno.EROFS, "the file system can only be read"),
    ],
)
def test_what_cannot_be_written_is_said_and_the_earlier_file_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int, why: str
) -> None:
    target = write_text(tmp_path / "a.txt", "old")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(WriteError, match=rf"a\.txt could not be written: {why}\. The earlier"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_the_longest_name_can_be_written_and_a_longer_one_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / ("x" * 255), "all")
    write_text(tmp_path / ("ü" * 127), "all")
    with pytest.raises(WriteError, match="the name is too long"):
        write_text(tmp_path / ("x" * 256), "all")
    with pytest.raises(DataError, match="the name is too long"):
        existing_file(tmp_path / ("x" * 256))


def test_files_and_their_folder_are_synced_before_and_after_they_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, move = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def moved(*paths: Path) -> None:
        done.append("moved")
        move(*paths)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", moved)
    write_text(tmp_path / "a.txt", "x")
    assert done == ["file", "moved", "folder"]


@pytest.mark.skipif(os.name == "nt", reason="of POSIX modes")
def test_what_a_library_hid_from_the_group_is_as_open_as_any_file(tmp_path: Path) -> None:
    with written_whole(tmp_path / "hidden") as temporary:
        temporary.unlink()
        temporary.write_text("x")
        temporary.chmod(0o600)
    (tmp_path / "any").touch()
    assert (tmp_path / "hidden").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_what_a_killed_process_left_is_known_by_its_name(tmp_path: Path) -> None:
    for name in (".a.txt.0123abcd.part", ".b.0123abcd.part", "a.part", ".a.txt.part", "a.txt"):
        (tmp_path / name).touch()
    assert sorted(each.name for each in partials(tmp_path)) == [
        ".a.txt.0123abcd.part",
        ".b.0123abcd.part",
    ]
    assert [each.name for each in partials(tmp_path, "a.txt")] == [".a.txt.0123abcd.part"]
    assert partials(tmp_path / "none") == []


def test_text_is_no_formula_and_numbers_are_numbers() -> None:
    rows = [["=1+1", "+a", "-a", "@a", "\ta"], ["-1.5", "+2", "-inf", -3, -0.5], ["a=b", "", 1]]
    found = list(csv.reader(csv_text(["=head", "ok"], rows).splitlines()))
    assert found == [
        ["'=head", "ok"],
        ["'=1+1", "'+a", "'-a", "'@a", "'\ta"],
        ["-1.5", "+2", "-inf", "-3", "-0.5"],
        ["a=b", "", "1"],
    ]


def test_names_that_are_no_text_are_written_and_read_back(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.h5")
    path = write_json(tmp_path / "a.json", {"path": name})
    assert read_json(path) == {"path": name}
    assert write_text(tmp_path / "a.txt", name).read_text() == r"caf\udce9.h5"
