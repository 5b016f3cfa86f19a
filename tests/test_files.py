"""Files: what is written is written whole, or not at all."""

import math
from pathlib import Path

import numpy as np
import pytest

from undertow.errors import DataError, UndertowError
from undertow.files import (
    existing_file,
    flatten,
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
