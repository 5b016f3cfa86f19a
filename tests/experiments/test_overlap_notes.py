"""Runs whose trials share samples of the recording say what was done about it."""

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_small_trials
from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.errors import DataWarning
from undertow.experiments import cross_validate, run, run_grid
from undertow.experiments.identity import fingerprint
from undertow.files import read_json

pytestmark = pytest.mark.usefixtures("no_report")


def recorded(every_s: float) -> TrialSet:
    """Trials of 0.4 s, one every `every_s` seconds."""
    trials = make_small_trials(n_trials=40)
    start = np.arange(40) * every_s
    return trials.replace(recorded_s=np.stack([start, start + 0.4], axis=1))


def test_scores_say_that_trials_at_borders_were_left_out(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="2 of 40 trials that share samples") as said:
        run(recorded(0.3), Smoothing(), tmp_path / "run")
    assert len(said) == 1
    notes = read_json(tmp_path / "run" / "scores.json")["notes"]
    assert sum("left out" in note for note in notes) == 1
    assert read_json(tmp_path / "run" / "scores.json")["sizes"]["train"] == 26


def test_scores_of_folds_and_cells_say_so_too(tmp_path: Path) -> None:
    with pytest.warns(DataWarning, match="left out") as said:
        cross_validate(recorded(0.3), Smoothing(), tmp_path / "folds", folds=3)
    texts = [str(each.message) for each in said]
    assert len(texts) == len(set(texts))
    notes = read_json(tmp_path / "folds" / "scores.json")["notes"]
    assert any("in each fold" in note for note in notes)
    with pytest.warns(DataWarning, match="left out"):
        cells = run_grid({"s": Smoothing()}, {"t": recorded(0.3)}, tmp_path / "cells")
    assert any("left out" in note for note in read_json(cells[0].path)["notes"])


def test_a_fingerprint_changes_only_where_splits_depend_on_the_clock() -> None:
    apart, unknown = recorded(0.5), recorded(0.5).replace(recorded_s=None)
    assert fingerprint(apart) == fingerprint(unknown) != fingerprint(recorded(0.3))
