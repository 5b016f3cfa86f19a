"""The models of a cross-validation: each for the trials it did not see, their mean for others."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray

from tests.cli.conftest import Undertow
from tests.conftest import make_small_trials
from undertow.data import load, write_hdf5
from undertow.errors import ModelError
from undertow.experiments import SavedRun, load_model

pytestmark = pytest.mark.usefixtures("no_report")


@pytest.fixture(scope="module")
def cross_validated(
    undertow: Undertow, recording: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("runs") / "cv"
    words = ["--model", "smoothing", "--heldout", 3, "--folds", 3, "--quiet"]
    done = undertow("fit", recording, "--out", out, *words)
    assert done.exit_code == 0, done.output
    return out


def test_evaluate_makes_the_scores_of_the_run_again(
    undertow: Undertow, recording: Path, cross_validated: Path, tmp_path: Path
) -> None:
    done = undertow("evaluate", cross_validated, recording, "--out", tmp_path / "again.json")
    assert done.exit_code == 0, done.output
    assert "each by the model of the fold that did not see it" in done.stderr
    held = json.loads((cross_validated / "scores.json").read_text())["scores"]
    first = [row for row in held if row["model"] in ("smoothing", "true rates")]
    assert json.loads((tmp_path / "again.json").read_text())["scores"] == first


def test_predict_leaves_each_trial_to_the_fold_that_did_not_see_it(
    undertow: Undertow, recording: Path, cross_validated: Path, tmp_path: Path
) -> None:
    done = undertow("predict", cross_validated, recording, "--out", tmp_path / "p")
    assert done.exit_code == 0, done.output
    splits = json.loads((cross_validated / "run.json").read_text())["splits"]
    trials = load(recording)
    with xarray.open_dataset(tmp_path / "p" / "predictions.nc", engine="h5netcdf") as found:
        assert list(found.trial) == list(trials.trial_ids)
        for k, ids in enumerate(splits.values()):
            name = f"smoothing__trials__fold{k}__seed0.safetensors"
            model = load_model(cross_validated / "cells" / name)
            test = np.isin(trials.trial_ids, ids["test"])
            own = model.predict(trials[test].replace(heldout=model.heldout_)).rates
            np.testing.assert_allclose(found.rates[test], own)


def test_new_data_get_the_mean_and_hear_what_is_missing(
    undertow: Undertow, cross_validated: Path, tmp_path: Path
) -> None:
    new = make_small_trials(seed=1).replace(truth=None)
    path = write_hdf5(new, tmp_path / "new.h5")
    done = undertow("evaluate", cross_validated, path)
    assert done.exit_code == 0, done.output
    assert "rates are the mean of 3 folds' models" in done.stderr
    assert "no rate R2: the true rates are not known" in done.stderr
    run = SavedRun.open(cross_validated)
    trials = run.read(path)
    means = np.mean([fold.model.predict(trials).rates for fold in run.folds], axis=0)
    np.testing.assert_allclose(run.predict(trials).rates, means)


def test_a_fold_without_a_model_is_named(cross_validated: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(cross_validated, tmp_path / "cv"))
    (copy / "cells" / "smoothing__trials__fold1__seed0.safetensors").unlink()
    with pytest.raises(ModelError, match=r"fold1.*did not finish"):
        SavedRun.open(copy)
