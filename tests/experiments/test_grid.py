"""The grid runner: one file per cell, finished cells are skipped, failed ones recorded and tried
again."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.test_run import tiny
from undertow.baselines import Smoothing
from undertow.data import TrialSet, fold_splits, join_trials
from undertow.errors import UndertowError, WriteError
from undertow.evaluation import combine
from undertow.experiments import CellResult, run_grid
from undertow.models import LangevinFlow

QUICK = {"width_s": 0.05, "floor_hz": 0.5, "penalty": 0.1}
WIDE = {**QUICK, "width_s": 0.1}


def test_every_cell_leaves_its_result_and_its_sums(tmp_path: Path, small_trials: TrialSet) -> None:
    models = {"narrow": Smoothing(**QUICK), "wide": Smoothing(**WIDE)}
    results = run_grid(models, {"small": small_trials}, tmp_path, folds=3, seeds=(0, 1))
    assert [r.cell.name for r in results][:3] == [
        "narrow__small__fold0__seed0",
        "narrow__small__fold0__seed1",
        "narrow__small__fold1__seed0",
    ]
    assert len(results) == 12
    assert {p.name for p in tmp_path.iterdir()} == {
        f"{r.cell.name}{s}" for r in results for s in (".json", ".npz")
    }
    held = json.loads(results[1].path.read_text())
    assert held["seeds"] == {"seed": 1, "split_seed": 0}
    assert held["settings"]["width_s"] == 0.05


def test_a_cell_is_the_fit_on_its_fold(tmp_path: Path, small_trials: TrialSet) -> None:
    result = run_grid(
        {"s": Smoothing(**QUICK)}, {"d": small_trials}, tmp_path, folds=4, only_folds=(2,)
    )[0]
    splits = fold_splits(small_trials, 4)[2]
    model = Smoothing(**QUICK).fit(splits.train, splits.validation)
    learned_from = join_trials(splits.train, splits.validation)
    direct = model.score(splits.test, learned_from)
    assert combine([[result.statistics()]]) == direct
    assert result.scores == {name: pytest.approx(score.value) for name, score in direct.items()}


def test_folds_test_each_trial_once_and_parts_never_overlap(small_trials: TrialSet) -> None:
    parts = fold_splits(small_trials, 5, seed=3)
    tested = np.concatenate([part.test.trial_ids for part in parts])
    assert sorted(tested) == small_trials.trial_ids.tolist()
    for part in parts:
        together = np.concatenate([each.trial_ids for each in part])
        assert sorted(together) == small_trials.trial_ids.tolist()


def test_finished_cells_are_read_not_run_again(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run_grid({"s": Smoothing(**QUICK)}, {"d": small_trials}, tmp_path)
    monkeypatch.setattr(Smoothing, "fit", None)
    seen: list[CellResult] = []
    again = run_grid(
        {"s": Smoothing(**QUICK)},
        {"d": small_trials},
        tmp_path,
        report=lambda r, *_: seen.append(r),
    )
    assert again[0].scores == first[0].scores
    assert seen == []


def test_a_cell_of_other_settings_is_not_taken_for_the_same(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    run_grid({"s": Smoothing(**QUICK)}, {"d": small_trials}, tmp_path)
    with pytest.raises(UndertowError, match=r"another fit \(settings.width_s was 0.05, is 0.1\)"):
        run_grid({"s": Smoothing(**WIDE)}, {"d": small_trials}, tmp_path)
    with pytest.raises(UndertowError, match=r"another fit \(data.fingerprint"):
        run_grid({"s": Smoothing(**QUICK)}, {"d": small_trials.hold_out(1, seed=9)}, tmp_path)


def test_a_failed_cell_is_recorded_and_tried_again(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"s": Smoothing(**QUICK), "t": Smoothing(**WIDE)}
    fit = Smoothing.fit

    def broken(self: Smoothing, *args: object, **options: object) -> Smoothing:
        if self.width_s == 0.05:
            raise RuntimeError("out of luck")
        return fit(self, *args, **options)

    monkeypatch.setattr(Smoothing, "fit", broken)
    failed, fine = run_grid(models, {"d": small_trials}, tmp_path)
    assert failed.error == "RuntimeError: out of luck"
    assert fine.error == ""
    record = json.loads((tmp_path / f"{failed.cell.name}.error.json").read_text())
    assert "out of luck" in record["traceback"]
    monkeypatch.setattr(Smoothing, "fit", fit)
    seen: list[str] = []
    again = run_grid(
        models, {"d": small_trials}, tmp_path, report=lambda r, *_: seen.append(r.cell.model)
    )
    assert [r.error for r in again] == ["", ""]
    assert seen == ["s"]
    assert not list(tmp_path.glob("*.error.json"))


@pytest.mark.filterwarnings("ignore:.*latent")
def test_a_cell_checkpoints_while_it_runs_and_cleans_up(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    model = tiny()
    result = run_grid({"m": model}, {"d": small_trials}, tmp_path, seeds=(5,), keep_models=True)[0]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]
    assert LangevinFlow.load(result.model_path).seed == 5
    assert model.seed == 0
    assert not hasattr(model, "neuron_ids_")


@pytest.mark.filterwarnings("ignore:.*latent")
def test_processor_seconds_of_a_fit_that_was_interrupted_are_not_known(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the part before the interruption that no one has counted."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    models, data = {"m": tiny()}, {"d": small_trials}
    whole = run_grid(models, data, tmp_path / "whole")[0]
    with monkeypatch.context() as patched:
        patched.setattr(LangevinFlow, "complete", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_grid(models, data, tmp_path / "halves")
    assert list((tmp_path / "halves").glob("*.checkpoint/*"))
    resumed = run_grid(models, data, tmp_path / "halves")[0]
    assert whole.usage.cpu_s > 0
    assert math.isnan(resumed.usage.cpu_s)
    assert resumed.scores == whole.scores


def test_worker_processes_give_the_same_results(tmp_path: Path, small_trials: TrialSet) -> None:
    models, data = {"s": Smoothing(**QUICK), "t": Smoothing(**WIDE)}, {"d": small_trials}
    here = run_grid(models, data, tmp_path / "here")
    there = run_grid(models, data, tmp_path / "there", workers=2)
    assert [r.scores for r in there] == [r.scores for r in here]


def test_what_a_killed_cell_left_is_removed_once_it_is_finished(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    """A process may be killed between a cell's result and the end of its checkpoint."""
    models, data = {"narrow": Smoothing(**QUICK)}, {"small": small_trials}
    run_grid(models, data, tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    whole = run_grid(models, data, tmp_path / "again")[0]
    digest = hashlib.sha256(identity_of(whole.path).encode()).hexdigest()[:12]
    whole.path.with_suffix(f".{digest}.checkpoint").mkdir()
    whole.path.with_suffix(".error.json").write_text("{}")
    run_grid(models, data, tmp_path / "again")
    assert {path.name for path in (tmp_path / "again").iterdir()} == before


def identity_of(path: Path) -> str:
    """What a cell's checkpoint is named after."""
    held, about = json.loads(path.read_text()), ("cell", "scores", "fit_s", "validation_score")
    more = ("parameters", "cpu_s", "peak_bytes", "tried", "chosen", "search_cpu_s")
    left_out = (*about, *more, "notes", "versions")
    return json.dumps({key: value for key, value in held.items() if key not in left_out})


def test_a_full_disk_ends_the_grid_and_is_no_error_of_a_cell(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object) -> None:
        raise WriteError(f"{path} could not be written: the disk is full.")

    monkeypatch.setattr("undertow.experiments.cell_fit.save_statistics", full)
    with pytest.raises(WriteError, match="the disk is full"):
        run_grid({"narrow": Smoothing(**QUICK)}, {"small": small_trials}, tmp_path, folds=2)
    assert list(tmp_path.iterdir()) == []
