"""Several processes on one grid: no cell is fitted twice at once, and all of them are fitted."""

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from undertow.baselines import MeanRate, Smoothing
from undertow.data import TrialSet
from undertow.errors import UndertowError, UnfinishedError
from undertow.experiments import (
    CellResult,
    ablate,
    compare,
    compare_recordings,
    run_grid,
)
from undertow.locks import claimed

QUICK = {"width_s": 0.05, "floor_hz": 0.5, "penalty": 0.1}
MODELS = {"narrow": Smoothing(**QUICK), "wide": Smoothing(**{**QUICK, "width_s": 0.1})}


def names(found: list[CellResult]) -> set[str]:
    return {each.cell.name for each in found}


def test_shards_fit_all_cells_and_the_last_has_them_all(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    fitted: list[list[str]] = []
    for k in (1, 2, 3):
        told: list[tuple[str, int, int]] = []
        found = run_grid(
            MODELS,
            {"d": small_trials},
            tmp_path,
            folds=3,
            shard=f"{k}/3",
            report=lambda cell, done, total, told=told: told.append((cell.cell.name, done, total)),
        )
        fitted.append([name for name, *_ in told])
        assert [each[1:] for each in told] == [(1, 2), (2, 2)]
        assert sum(each.elsewhere for each in found) == 6 - 2 * k
    assert sorted(chain(*fitted)) == sorted(names(found))
    assert not list(tmp_path.glob("*.lock"))
    alone = run_grid(MODELS, {"d": small_trials}, tmp_path / "alone", folds=3)
    assert [each.scores for each in found] == [each.scores for each in alone]
    assert [each.cell for each in found] == [each.cell for each in alone]


def test_a_cell_that_another_process_fits_is_waited_for(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One process holds a cell, and lets it go unfinished: the other takes it then."""
    monkeypatch.setattr("undertow.experiments.grid.WAIT_S", 0.05)
    lock = tmp_path / "narrow__d__fold0__seed0.lock"
    told: list[str] = []
    with claimed(lock, "fit", lambda left: None, lock):
        one = run_grid(MODELS, {"d": small_trials}, tmp_path, folds=2, shard="1/1")
        assert [each.cell.name for each in one if each.elsewhere] == [lock.stem]
        waiting = threading.Thread(
            target=run_grid,
            args=(MODELS, {"d": small_trials}, tmp_path),
            kwargs={"folds": 2, "report": lambda cell, *_: told.append(cell.cell.name)},
        )
        waiting.start()
        time.sleep(0.3)
        assert waiting.is_alive()
        assert not (tmp_path / f"{lock.stem}.json").exists()
    waiting.join(60)
    assert told == [lock.stem]


def test_two_processes_on_one_folder_share_the_cells(tmp_path: Path) -> None:
    code = (
        "import sys; from undertow.baselines import Smoothing\n"
        "from tests.conftest import make_small_trials\n"
        "from undertow.experiments import run_grid\n"
        "fit, fitted = Smoothing.fit, []\n"
        "def noted(self, *given, **more):\n"
        "    fitted.append(self.width_s)\n"
        "    return fit(self, *given, **more)\n"
        "Smoothing.fit = noted\n"
        "models = {f'm{k}': Smoothing(width_s=0.02 * (k + 1), floor_hz=0.5, penalty=0.1)"
        " for k in range(6)}\n"
        "found = run_grid(models, {'d': make_small_trials().hold_out(2)}, sys.argv[1], folds=3)\n"
        "assert len(found) == 18 and all(each.scores for each in found)\n"
        "print(*fitted)"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    pair = [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    fits = [process.communicate(timeout=300)[0].split() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert len(list(tmp_path.glob("*.json"))) == 18
    assert set(Counter(chain(*fits)).values()) == {3}, "each fold of a model is fitted once"


def test_studies_of_a_shard_end_with_what_is_missing(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    given = {"folds": 2, "verbose": False}
    with pytest.raises(UnfinishedError, match=r"shard 2/2 is done, and 2 fits of other shards"):
        compare(small_trials, tmp_path / "c", MODELS, shard="2/2", **given)
    whole = compare(small_trials, tmp_path / "c", MODELS, shard="1/2", **given)
    assert list(whole.models) == list(MODELS)
    with pytest.raises(UnfinishedError):
        ablate(
            small_trials,
            tmp_path / "a",
            Smoothing(**QUICK),
            {"a": {}, "b": {}},
            shard="1/2",
            **given,
        )
    assert list(
        ablate(
            small_trials,
            tmp_path / "a",
            Smoothing(**QUICK),
            {"a": {}, "b": {}},
            shard="2/2",
            **given,
        ).arms
    ) == ["a", "b"]
    with pytest.raises(UndertowError, match="a shard does its part whole"):
        compare(small_trials, tmp_path / "b", MODELS, shard="2/2", budget_minutes=1, **given)


def test_recordings_are_compared_as_one_grid(tmp_path: Path, small_trials: TrialSet) -> None:
    data = {"first": small_trials[:40], "second": small_trials[40:]}
    models = {"smoothing": Smoothing(**QUICK), "mean": MeanRate()}
    given = {"folds": 2, "seeds": (0, 1), "verbose": False}
    found = compare_recordings(data, tmp_path, models, **given)
    assert list(found.recordings) == ["first", "second"]
    alone = compare(
        data["second"], tmp_path / "alone", models, folds=2, seeds=(0, 1), verbose=False
    )
    assert found.recordings["second"].rows() == alone.rows()
    heads, rows = found.table()
    assert heads == ["co-bps", "smoothing", "mean"]
    assert [row[0] for row in rows] == ["first", "second"]
    assert all(row[1].endswith("*") for row in rows)
    assert any("smoothing on 2" in said for said in found.sentences())
    written = found.write(tmp_path / "out", {"note": "here"})
    assert [path.name for path in written] == ["grid.csv", "grid.md", "grid.json"]
    assert (tmp_path / "out" / "first" / "comparison.html").exists()
    assert json.loads(written[2].read_text())["note"] == "here"
    assert len(written[0].read_text().splitlines()) == 1 + len(found.rows())
    with pytest.raises(UndertowError, match="no recording"):
        compare_recordings({}, tmp_path)
