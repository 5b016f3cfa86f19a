"""Cross-validation: means over folds, resuming, and what is left behind."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.test_grid import QUICK
from tests.experiments.test_run import tiny
from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.experiments import cross_validate


@pytest.mark.filterwarnings("ignore:.*latent")
def test_scores_are_means_over_folds_with_their_spread(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    seen: list[str] = []
    out = tmp_path / "cv"
    result = cross_validate(
        small_trials, tiny(), out, 2, report=lambda r, *_: seen.append(r.cell.name)
    )
    held = json.loads((out / "scores.json").read_text())
    of_folds = [f["scores"]["co-bps"] for f in held["folds"] if f["model"] == "langevin-flow"]
    row = next(r for r in held["scores"] if (r["model"], r["name"]) == ("langevin-flow", "co-bps"))
    assert row["value"] == pytest.approx(np.mean(of_folds))
    assert row["std_over_folds"] == pytest.approx(np.std(of_folds, ddof=1))
    assert row["n_trials"] == small_trials.n_trials
    assert set(held["splits"]) == {"fold0", "fold1"}
    assert len(seen) == 4
    assert result.report.exists()
    assert len(list((out / "cells").glob("*.safetensors"))) == 4
    assert any("means over 2 folds" in note for note in held["notes"])


def test_settings_a_model_refuses_leave_nothing_behind(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    with pytest.raises(UndertowError, match=r"2 of 2 fits failed.*multiple of 4"):
        cross_validate(small_trials, tiny().set_params(latent_dim=7), tmp_path / "cv", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_report")
def test_it_goes_on_where_it_stopped(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, fits = Smoothing.fit, []

    def unplugged_after_one(self: Smoothing, *args: object, **options: object) -> Smoothing:
        if fits:
            raise KeyboardInterrupt
        fits.append(self)
        return fit(self, *args, **options)

    monkeypatch.setattr(Smoothing, "fit", unplugged_after_one)
    with pytest.raises(KeyboardInterrupt):
        cross_validate(small_trials, Smoothing(**QUICK), tmp_path / "cv", 3)
    monkeypatch.setattr(Smoothing, "fit", fit)
    seen: list[int | None] = []
    model = Smoothing(**QUICK)
    cross_validate(
        small_trials,
        model,
        tmp_path / "cv",
        3,
        resume=True,
        report=lambda r, *_: seen.append(r.cell.fold),
    )
    assert seen == [1, 2]


@pytest.mark.usefixtures("no_report")
def test_other_folds_are_another_run(tmp_path: Path, small_trials: TrialSet) -> None:
    cross_validate(small_trials, Smoothing(**QUICK), tmp_path / "cv", 2)
    with pytest.raises(UndertowError, match="holds another run"):
        cross_validate(small_trials, Smoothing(**QUICK), tmp_path / "cv", 3, resume=True)
