"""One run: what it writes, what it refuses, and going on with it."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import make_small_trials
from undertow.baselines import Smoothing
from undertow.data import TrialSet, join_trials, split_trials
from undertow.dynamics import DoubleWellPotential
from undertow.errors import ModelError, UndertowError
from undertow.experiments import RunResult, load_model, run
from undertow.experiments.identity import fingerprint
from undertow.models import LangevinFlow
from undertow.training import Training

TINY = LangevinFlow().set_params(
    latent_dim=8,
    encoder__hidden_dim=8,
    decoder__width=8,
    decoder__heads=2,
    samples=2,
    dropout=0.2,
    training=Training(epochs=2, batch_size=16),
)


def tiny() -> LangevinFlow:
    return TINY.copy()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run of a tiny LangevinFlow on the small trials."""
    trials = make_small_trials().hold_out(2, seed=0)
    with pytest.warns(UserWarning, match="latent"):
        return run(
            trials, tiny(), tmp_path_factory.mktemp("run") / "out", source={"path": "small.npz"}
        )


def test_everything_is_written(finished: RunResult) -> None:
    names = {path.name for path in finished.directory.iterdir()}
    assert {
        "run.json",
        "model.safetensors",
        "scores.json",
        "report.html",
        "checkpoint",
        "figures",
    } <= names
    assert not [name for name in names if name.endswith((".tmp", ".part"))]


def test_scores_json_holds_every_score_with_unit_split_and_interval(finished: RunResult) -> None:
    held = json.loads((finished.directory / "scores.json").read_text())
    models = {row["model"] for row in held["scores"]}
    assert models == {"langevin-flow", "smoothing", "true rates"}
    for row in held["scores"]:
        assert row["split"] == "test"
        assert row["unit"] in ("bits/spike", "R²", "share")
        assert row["low"] <= row["high"]
        assert row["n_trials"] == held["sizes"]["test"] == 12
        assert row["bin_s"] == 0.02
    assert {"co-bps", "rate R2", "psth R2"} <= {row["name"] for row in held["scores"]}
    assert held["seeds"] == {"seed": 0, "split_seed": 0}
    assert held["settings"]["training"]["epochs"] == 2
    assert {"undertow", "torch", "python"} <= set(held["versions"])
    assert any("latent" in note for note in held["notes"])


def test_differences_are_paired_model_minus_baseline(finished: RunResult) -> None:
    held = json.loads((finished.directory / "scores.json").read_text())
    value = {(row["model"], row["name"]): row["value"] for row in held["scores"]}
    for row in held["differences"]:
        name = row["name"].removesuffix(" difference")
        assert row["value"] == pytest.approx(
            value["langevin-flow", name] - value["smoothing", name], abs=1e-12
        )


def test_scores_are_of_the_test_trials_by_the_saved_model(finished: RunResult) -> None:
    train, validation, test = split_trials(make_small_trials().hold_out(2, seed=0), seed=0)
    model = load_model(finished.directory / "model.safetensors")
    again = model.score(test, join_trials(train, validation))
    held = dict(finished.table.scores["langevin-flow"])
    for name in ("interval coverage", "predictive coverage"):
        assert 0 <= held.pop(name).value <= 1
    assert held.pop("PIT deviation").value >= 0
    assert again == {name: score for name, score in held.items() if not name.endswith(" exchanged")}
    assert held["co-bps exchanged"].n_trials == held["co-bps"].n_trials


def test_a_non_empty_directory_is_refused_and_untouched(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    for resume, rule in ((False, "is not empty"), (True, "no run.json")):
        with pytest.raises(UndertowError, match=rule):
            run(small_trials, Smoothing(), tmp_path, resume=resume)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_settings_a_model_refuses_leave_nothing_behind(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    with pytest.raises(ModelError, match="multiple"):
        run(small_trials, LangevinFlow(latent_dim=7), tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


def test_resume_is_only_for_the_same_run(finished: RunResult, small_trials: TrialSet) -> None:
    other = {
        "settings.latent_dim was 8, is 12": (small_trials, tiny().set_params(latent_dim=12), 0),
        "data.fingerprint was": (small_trials.hold_out(3, seed=1), tiny(), 0),
        "seeds.split_seed was 0, is 4": (small_trials, tiny(), 4),
    }
    for message, (trials, model, split_seed) in other.items():
        with pytest.raises(UndertowError, match=message):
            run(trials, model, finished.directory, split_seed=split_seed, resume=True)


@pytest.mark.usefixtures("no_report")
def test_resuming_a_finished_run_fits_nothing(
    finished: RunResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    trials = make_small_trials().hold_out(2, seed=0)
    monkeypatch.setattr(LangevinFlow, "fit", None)
    again = run(trials, tiny(), finished.directory, resume=True)
    assert again.table.scores == finished.table.scores
    assert again.fit_s == pytest.approx(finished.fit_s)


@pytest.mark.usefixtures("no_report")
@pytest.mark.filterwarnings("ignore:.*initial latent coordinates carry")
def test_a_finished_run_with_a_potential_of_ones_own_is_resumed(tmp_path: Path) -> None:
    trials, settings = (
        make_small_trials().hold_out(2, seed=0),
        {"dynamics__potential": DoubleWellPotential},
    )
    first = run(trials, tiny().set_params(**settings), tmp_path / "out")
    again = run(trials, tiny().set_params(**settings), tmp_path / "out", resume=True)
    assert again.model.get_params()["dynamics__potential"] is DoubleWellPotential
    assert again.table.scores == first.table.scores


@pytest.mark.usefixtures("no_report")
def test_the_baseline_alone_has_no_differences(tmp_path: Path, small_trials: TrialSet) -> None:
    result = run(small_trials, Smoothing(), tmp_path / "s")
    assert list(result.table.scores) == ["smoothing", "true rates"]
    assert result.table.differences == {}


def test_the_fingerprint_follows_all_that_a_fit_reads(small_trials: TrialSet) -> None:
    same = small_trials.replace(spikes=small_trials.spikes.copy())
    moved = small_trials.spikes.copy()
    moved[0, 0, 0] += 1
    assert fingerprint(same) == fingerprint(small_trials)
    for changed in (
        small_trials.replace(spikes=moved),
        small_trials.replace(bin_s=0.01),
        small_trials.hold_out(2, seed=5),
        small_trials.replace(forward_bins=2),
        small_trials.select(trials=np.arange(79)),
    ):
        assert fingerprint(changed) != fingerprint(small_trials)
