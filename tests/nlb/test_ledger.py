"""The ledger of scores on test trials: nothing is lost, whoever writes, and looks are counted."""

import errno
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.errors import HeldError, UndertowError
from undertow.locks import Holder
from undertow.nlb import ledger
from undertow.nlb.ledger import FILE, Look, ordinal, rates_sha256, read_looks, record, told

ROOT = Path(__file__).parents[2]
LOOK = Look("2026-02-03 04:05:06+00:00", "mc_maze", 20, "ndt", "ndt", "a" * 64, "b" * 64, {"x": 1})


def test_looks_are_kept_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "nlb"
    assert read_looks(folder) == []
    second = replace(LOOK, run="other", scores={"co-bps": None})
    assert record(folder, [LOOK]) == [LOOK]
    assert record(folder, [second, LOOK]) == [LOOK, second, LOOK] == read_looks(folder)
    assert [path.name for path in folder.iterdir()] == [FILE]


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from dataclasses import replace\n"
        "from tests.nlb.test_ledger import LOOK\n"
        "from undertow.nlb.ledger import record\n"
        "for k in range(15):\n"
        "    record(sys.argv[1], [replace(LOOK, run=f'{sys.argv[2]} {k}')])\n"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=ROOT)
        for name in "abc"
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    runs = [look.run for look in read_looks(tmp_path)]
    assert sorted(runs) == sorted(f"{name} {k}" for name in "abc" for k in range(15))
    for name in "abc":
        assert [run for run in runs if run[0] == name] == [f"{name} {k}" for k in range(15)]


def leave_lock(folder: Path, **other: object) -> None:
    holder = replace(Holder.this("nlb score"), **other)  # type: ignore[arg-type]
    (folder / f".{FILE}.lock").write_text(json.dumps(asdict(holder)))


def test_a_ledger_that_is_held_for_long_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "PATIENCE_S", 0.0)
    record(tmp_path, [LOOK])
    leave_lock(tmp_path, host="elsewhere")
    with pytest.raises(HeldError, match=rf"{FILE} is written to by another nlb score"):
        record(tmp_path, [LOOK])
    assert read_looks(tmp_path) == [LOOK]
    leave_lock(tmp_path, started="long ago")  # of a killed process
    assert record(tmp_path, [LOOK]) == [LOOK, LOOK]


def test_a_ledger_that_cannot_be_written_stays_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path, [LOOK])
    replaced = os.replace

    def full(source: Path, target: Path) -> None:
        if Path(target).name == FILE:
            raise OSError(errno.ENOSPC, "No space left on device")
        replaced(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UndertowError, match="the disk is full"):
        record(tmp_path, [LOOK])
    assert read_looks(tmp_path) == [LOOK]
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "{}",
        '{"scores": 3}',
        '{"scores": [3]}',
        '{"scores": [{"when": "now"}]}',
        json.dumps({"scores": [{**asdict(LOOK), "bin_ms": "20"}]}),
        json.dumps({"scores": [{**asdict(LOOK), "run": None}]}),
        json.dumps({"scores": [{**asdict(LOOK), "more": 1}]}),
    ],
)
def test_what_is_no_ledger_is_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    with pytest.raises(UndertowError, match=rf"{FILE} (is no ledger|cannot be read as JSON)"):
        record(tmp_path, [LOOK])
    assert (tmp_path / FILE).read_text() == content


def test_rates_are_the_same_whatever_their_order() -> None:
    rates = {"b": np.zeros((2, 3, 1), np.float32), "a": np.ones((2, 3, 2), np.float32)}
    first = rates_sha256(rates)
    assert rates_sha256({name: rates[name] for name in sorted(rates)}) == first
    changed: dict[str, Any] = {
        "value": {**rates, "b": rates["b"] + 1},
        "shape": {**rates, "b": rates["b"].reshape(3, 2, 1)},
        "name": {"a": rates["b"], "b": rates["a"]},
    }
    assert len({first, *map(rates_sha256, changed.values())}) == 4


# --- in words ------------------------------------------------------------------------------------


def lines(*looks: Look, new: int = 1) -> list[str]:
    return told("nlb", looks, looks[len(looks) - new :])


def test_the_first_look_is_counted_and_no_more() -> None:
    assert lines(LOOK) == [
        "mc_maze at 20 ms bins: 1 score on the test truth so far (ndt 1). All are in "
        "nlb/test_scores.json."
    ]


def test_the_second_look_is_said_plainly() -> None:
    again, overall = lines(LOOK, LOOK)
    assert again == (
        "ndt: scored on the test truth for the 2nd time, the same rates (first on "
        f"{LOOK.when}): choices made after the first look are made on test data."
    )
    assert overall.startswith("mc_maze at 20 ms bins: 2 scores on the test truth so far (ndt 2).")


def test_another_fit_of_a_model_counts_with_it() -> None:
    wider = replace(LOOK, run="wider", rates="c" * 64)
    again, overall = lines(LOOK, LOOK, wider)
    assert again.startswith(
        "wider (ndt): scored on the test truth for the 3rd time, this time another fit (first on"
    )
    assert "3 scores on the test truth so far (ndt 3). The best of them, if taken" in overall


def test_the_same_rates_under_another_name_count_too() -> None:
    again, overall = lines(LOOK, replace(LOOK, run="file.h5", model="file.h5"))
    assert again.startswith(
        "file.h5: scored on the test truth for the 2nd time, the same rates (first on"
    )
    assert "2 scores on the test truth so far (ndt 1, file.h5 1). All" in overall


def test_runs_of_one_command_count_one_after_the_other() -> None:
    other = replace(LOOK, run="b", rates="c" * 64)
    again, overall = lines(LOOK, other, new=2)
    assert again.startswith("b (ndt): scored on the test truth for the 2nd time, this time another")
    assert "2 scores" in overall


def test_sets_count_apart_and_widths_are_named() -> None:
    elsewhere, fine = replace(LOOK, set_name="mc_rtt"), replace(LOOK, bin_ms=5)
    (overall,) = lines(elsewhere, fine, LOOK)
    assert "1 score on the test truth so far (ndt 1), and 1 at the other bin width." in overall


@pytest.mark.parametrize(
    ("number", "word"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (21, "21st")],
)
def test_numbers_in_words(number: int, word: str) -> None:
    assert ordinal(number) == word
