"""What runs and cells write about themselves: read back whole, or refused in a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest

from undertow.errors import UndertowError
from undertow.experiments.identity import check_directory
from undertow.experiments.records import read_cell, read_fit, read_run

RUN: dict[str, Any] = {
    "model": "langevin-flow",
    "settings": {"latent_dim": 8},
    "splits": {"split": {"train": [0, 1], "validation": [2], "test": ["a"]}},
    "source": {"path": "d.h5", "forward_bins": None},
}


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    assert read_run(tmp_path / "run.json") == RUN


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 5000, "cannot be read as JSON: it is nested too deep"),
        ("9" * 5000, "cannot be read as JSON"),
        ("[1]", "holds no table of names and values"),
        ('{"a": ' * 900 + "1" + "}" * 900, "nested deeper than any record"),
        (json.dumps(RUN | {"source": "d.h5"}), "source in .* is 'd.h5': it must be a table"),
        (json.dumps(RUN | {"splits": {"split": [1]}}), "splits in .* it must be a table"),
        (
            json.dumps(RUN | {"splits": {"split": {"train": []}}}),
            "lacks its validation",
        ),
    ],
)
def test_a_damaged_run_is_refused_in_a_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    for read in (read_run, lambda path: check_directory(path.parent, {}, True)):
        with pytest.raises(UndertowError, match=message) as refused:
            read(tmp_path / "run.json")
        assert str(refused.value).isprintable()


def test_other_runs_are_named_in_printable_text(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps(RUN | {"model": "a\x1b[31m\x00"}))
    with pytest.raises(UndertowError, match=r"model was a\\x1b\[31m\\x00") as refused:
        check_directory(tmp_path, RUN, True)
    assert str(refused.value).isprintable()


def test_records_of_fits_and_cells(tmp_path: Path) -> None:
    path = tmp_path / "m.fit.json"
    path.write_text(json.dumps({"fit_s": 2, "notes": ["slow"]}))
    assert read_fit(path).fit_s == 2.0
    path.write_text(json.dumps({"notes": ["slow"]}))
    with pytest.raises(UndertowError, match=r"m\.fit\.json lacks fit_s"):
        read_fit(path)
    cell = {"scores": {"co-bps": None}, "fit_s": 1.0, "validation_score": None, "else": 1}
    path.write_text(json.dumps(cell))
    content, result = read_cell(path)
    assert content == cell
    assert result.scores == {"co-bps": None}
    path.write_text(json.dumps(cell | {"scores": [1]}))
    with pytest.raises(UndertowError, match=r"scores of .* must be a table"):
        read_cell(path)
