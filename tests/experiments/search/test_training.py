"""One trial of a search: slices, failures, and weights taken over from another trial."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.experiments.search.small import SPLITS, UNUSED, Failing, model
from undertow.baselines import LDS, PCA, Smoothing
from undertow.errors import UndertowError, WriteError
from undertow.experiments.search.training import Task, adopt, advance, once
from undertow.experiments.search.trial import FILE, Trial, read_trial, write_trial
from undertow.models import Estimator
from undertow.models.em import PathEM
from undertow.training import Training, read_tensors, silent
from undertow.training.kept_state import CHECKPOINT

pytestmark = pytest.mark.filterwarnings(UNUSED)
START = Trial(0, {"training__learning_rate": 0.01})


def task_of(folder: Path, slices: int = 1, of: Estimator | None = None) -> Task:
    return Task(
        once(model() if of is None else of), SPLITS.train, SPLITS.validation, folder, slices
    )


def state(task: Task, trial: Trial) -> dict[str, torch.Tensor]:
    return read_tensors(task.checkpoint(trial) / CHECKPOINT)[0]


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_a_training_in_slices_ends_as_one_without(tmp_path: Path) -> None:
    whole, sliced = task_of(tmp_path / "whole"), task_of(tmp_path / "sliced", 3)
    one, trial = advance(whole, START), START
    for done in (1, 2, 3):
        assert trial.state == "running"
        trial = advance(sliced, trial)
        assert len(trial.best) == len(trial.latest) == done
    assert trial.state == one.state == "finished"
    assert same(state(sliced, trial), state(whole, one))
    assert trial.score == one.score == max(trial.latest)
    assert trial.best == np.maximum.accumulate(trial.latest).tolist()


def test_the_score_is_that_of_a_fit_on_the_training_trials(tmp_path: Path) -> None:
    found = advance(task_of(tmp_path, of=model(training__refit=True)), START)
    alone = model(training__learning_rate=0.01)
    alone.advance(SPLITS.train, SPLITS.validation, 1.0, tmp_path / "alone", silent)
    assert found.score == alone.validation_score_


def test_what_was_done_is_read_and_gone_on_from(tmp_path: Path) -> None:
    task = task_of(tmp_path, 3)
    first = advance(task, START)
    assert task.begun(START) == first == read_trial(task.place(0))
    assert first.processor_s > 0
    again = advance(task, task.begun(START))
    assert again.best[0] == first.best[0]
    assert again.processor_s > first.processor_s
    # settings may be code, which no file holds: they are those of the search
    other = replace(START, settings={"training__learning_rate": 0.02})
    assert task.begun(other).settings == other.settings
    assert task.begun(other, kept=True).settings == START.settings


def test_settings_that_cannot_be_fitted_fail_alone(tmp_path: Path) -> None:
    task = task_of(tmp_path, of=Failing())
    failed = advance(task, Trial(0, {"latent_dim": 4}))
    assert failed.state == "failed"
    assert failed.error == "FloatingPointError: four is not enough"
    assert "Traceback" in (task.place(0) / "error.txt").read_text()
    assert task.begun(Trial(0, {"latent_dim": 4})).state == "running"  # it is tried again
    assert advance(task, Trial(1, {"latent_dim": 3})).state == "finished"


def test_a_disk_that_is_full_is_no_failure_of_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise WriteError("the disk is full.")

    monkeypatch.setattr("undertow.training.kept_state.write_tensors", full)
    with pytest.raises(WriteError, match="the disk is full"):
        advance(task_of(tmp_path), START)
    assert read_trial(tmp_path / "trial0000") is None


def test_a_search_trains_once_and_races_nothing() -> None:
    trained = once(model(training=Training(refit=True, epochs=3)))
    assert not trained.get_params()["training__refit"]
    assert once(PCA(latent_dim=5)).get_params()["latent_dim"] == 5


@pytest.mark.parametrize("of", [PCA(latent_dim=3), Smoothing()], ids=["pca", "smoothing"])
def test_models_without_a_score_are_scored_on_trials_they_have_not_seen(
    of: Estimator, tmp_path: Path
) -> None:
    found = advance(task_of(tmp_path, of=of), Trial(0, {}))
    alone = of.copy().fit(SPLITS.train)
    assert found.score == pytest.approx(alone.score(SPLITS.validation)["co-bps"].value, abs=1e-9)


def test_iterations_are_scored_by_the_model_itself(tmp_path: Path) -> None:
    of = LDS(latent_dim=3).set_params(em__iterations=4, em__validate_every=2, em__path_steps=1)
    assert isinstance(of.em, PathEM)
    found = advance(task_of(tmp_path, of=of), Trial(0, {}))
    assert found.score == of.copy().fit(SPLITS.train, SPLITS.validation).validation_score_


# --- weights of another --------------------------------------------------------------------------


def test_a_copy_goes_on_from_the_others_weights_under_its_own_settings(tmp_path: Path) -> None:
    task, settings = task_of(tmp_path, 3), {"training__learning_rate": 0.002}
    worse = advance(task, replace(START, schedule=[(0, START.settings)]))
    donor = advance(task, Trial(1, {"training__learning_rate": 0.03}, schedule=[(0, {})]))
    before = task.checkpoint(worse)
    copied = adopt(task, worse, donor, task.checkpoint(donor), settings)
    assert same(state(task, copied), state(task, donor))
    assert (copied.number, copied.settings, copied.lineage) == (0, settings, 1)
    assert copied.best == donor.best
    assert copied.schedule == [(0, {}), (1, settings)]
    assert copied.processor_s == worse.processor_s
    assert not before.exists()
    assert read_trial(task.place(0)) == copied
    # the next slice is what the donor's state becomes under these settings
    further = advance(task, copied)
    shutil.copytree(task.checkpoint(donor), tmp_path / "own")
    own = model(**settings)
    own.advance(SPLITS.train, SPLITS.validation, 2 / 3, tmp_path / "own", silent)
    assert further.latest[-1] == own.history_[-1]["validation_score"]
    assert own.history_[-1]["learning_rate"] != pytest.approx(
        donor.settings["training__learning_rate"]
    )


def test_a_killed_copy_leaves_the_earlier_state_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_of(tmp_path, 3)
    worse, donor = advance(task, START), advance(task, replace(START, number=1))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("undertow.experiments.search.training.write_trial", killed)
    with pytest.raises(KeyboardInterrupt):
        adopt(task, worse, donor, task.checkpoint(donor), {})
    monkeypatch.undo()
    assert task.begun(START) == worse
    assert len(advance(task, worse).best) == 2


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    task = task_of(tmp_path, 3)
    trial, donor = advance(task, START), advance(task, Trial(1, {"latent_dim": 16}))
    found = advance(task, adopt(task, trial, donor, task.checkpoint(donor), START.settings))
    assert found.state == "failed"
    assert "is no checkpoint of this network" in found.error


# --- files ---------------------------------------------------------------------------------------


def test_a_trial_is_read_as_it_was_written(tmp_path: Path) -> None:
    settings = {"coordinated_dropout": (0.0, 0.4), "dropout": None, "latent_dim": 8, "x": "word"}
    trial = Trial(3, settings, "stopped", [0.1], [0.1], [(0, settings)], 1.5, "", 2)
    task = task_of(tmp_path)
    write_trial(task.place(3), trial)
    assert read_trial(task.place(3)) == trial


@pytest.mark.parametrize(
    "change",
    [
        {"state": "sleeping"},
        {"best": "high"},
        {"settings": [1]},
        {"schedule": [[0]]},
        {"schedule": [{"slice": 0}]},
        {"number": None},
        {"more": 1},
    ],
    ids=str,
)
def test_a_damaged_trial_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    task = task_of(tmp_path)
    advance(task, START)
    path = task.place(0) / FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(UndertowError, match=FILE):
        task.begun(START)
