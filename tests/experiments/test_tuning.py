"""`tune`: a search, the fit under the best settings, and what is written of both."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.experiments.search.small import SPACE, TRIALS, UNUSED, Failing, model
from undertow.baselines import PCA
from undertow.data import TrialSet, split_trials
from undertow.errors import UndertowError
from undertow.experiments import SavedRun, Search, TuneResult, load_model, run, single_run, tune
from undertow.experiments.search import SearchResult, Trial, local
from undertow.experiments.search.training import Task, advance, once
from undertow.experiments.tuning import chosen_model, put_checkpoint
from undertow.models import Choices, LangevinFlow, Range
from undertow.training import Training, read_tensors
from undertow.training.kept_state import CHECKPOINT
from undertow.training.loop import Interrupted

pytestmark = [pytest.mark.filterwarnings(UNUSED), pytest.mark.usefixtures("no_report")]
FACTORS = {"latent_dim": Choices((2, 3, 4)), "width_s": Range(0.01, 0.1, "log")}
THREE = Search(samples=3)


def factors() -> PCA:
    return PCA(latent_dim=2, penalty=0.1)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> TuneResult:
    """A search of a tiny LangevinFlow that refits, and its run, without figures."""
    out, of = tmp_path_factory.mktemp("tuned") / "out", model(training__refit=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(single_run, "report_run", lambda out, *_: out / "report.html")
        return tune(TRIALS, of, out, THREE, SPACE, source={"path": "small.npz"})


def table(out: Path) -> list[dict[str, str]]:
    with (out / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_run_is_written_with_what_was_searched(tuned: TuneResult) -> None:
    out = tuned.directory
    names = {each.name for each in out.iterdir()}
    assert {"run.json", "model.safetensors", "scores.json", "tune.json", "trials.csv"} <= names
    held = json.loads((out / "tune.json").read_text())
    assert held["kind"] == "random"
    assert held["best"] == tuned.searches[0].best.number
    assert held["settings"].keys() == {name.replace("__", ".") for name in SPACE}
    assert held["space"]["dropout"] == {"low": 0.0, "high": 0.4, "scale": "linear", "whole": False}
    rows = table(out)
    assert [row["trial"] for row in rows] == ["0", "1", "2"]
    assert all(float(row["processor_s"]) > 0 for row in rows)
    best = max(rows, key=lambda row: float(row["validation_score"]))
    assert int(best["trial"]) == held["best"]
    # checkpoints are needed no more
    assert {each.name for each in (out / "search").rglob("*") if each.is_file()} == {"trial.json"}


def test_the_run_is_that_of_the_settings_that_were_found(tuned: TuneResult, tmp_path: Path) -> None:
    fitted = load_model(tuned.directory / "model.safetensors")
    assert {name: fitted.get_params()[name] for name in SPACE} == tuned.settings
    alone = run(TRIALS, model(training__refit=True, **tuned.settings), tmp_path / "alone")
    assert alone.table.scores == tuned.table.scores
    held = json.loads((tuned.directory / "scores.json").read_text())
    assert held["settings"]["dropout"] == tuned.settings["dropout"]
    assert held["notes"][0] == tuned.searches[0].sentence()


def test_the_run_can_be_evaluated_again(tuned: TuneResult) -> None:
    saved = SavedRun.open(tuned.directory)
    _, test = saved.parts(TRIALS)
    assert np.array_equal(test.trial_ids, split_trials(TRIALS).test.trial_ids)


def permuted(trials: TrialSet, rows: np.ndarray) -> TrialSet:
    """Trials whose spikes are those of other ones among `rows`."""
    spikes = np.array(trials.spikes)
    spikes[rows] = spikes[np.roll(rows, 1)]
    return trials.replace(spikes=spikes)


def test_what_the_test_trials_hold_changes_nothing_that_is_chosen(
    tuned: TuneResult, tmp_path: Path
) -> None:
    test = np.flatnonzero(np.isin(TRIALS.trial_ids, split_trials(TRIALS).test.trial_ids))
    other = permuted(TRIALS, test)
    assert not np.array_equal(other.spikes, TRIALS.spikes)
    again = tune(other, model(training__refit=True), tmp_path / "out", THREE, SPACE)
    assert again.settings == tuned.settings
    assert [t.best for t in again.searches[0].trials] == [t.best for t in tuned.searches[0].trials]
    weights, others = (
        read_tensors(each.directory / "model.safetensors")[0] for each in (tuned, again)
    )
    assert all(bool((weights[name] == others[name]).all()) for name in weights)
    assert again.table.scores != tuned.table.scores


def test_a_finished_search_is_read_and_not_made_again(
    tuned: TuneResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LangevinFlow, "fit", None)
    monkeypatch.setattr(LangevinFlow, "advance", None)
    out = tuned.directory
    with pytest.raises(UndertowError, match="is not empty"):
        tune(TRIALS, model(training__refit=True), out, THREE, SPACE)
    again = tune(TRIALS, model(training__refit=True), out, THREE, SPACE, resume=True)
    assert again.table.scores == tuned.table.scores
    assert again.searches[0].trials == tuned.searches[0].trials


@pytest.mark.parametrize(
    ("search", "space", "what"),
    [
        (Search(samples=4), SPACE, "search.samples was 3, is 4"),
        (Search(samples=3, seed=1), SPACE, "search.seed was 0, is 1"),
        (THREE, {"dropout": SPACE["dropout"]}, "search.space"),
    ],
)
def test_only_the_same_search_is_gone_on_with(
    tuned: TuneResult, search: Search, space: Any, what: str
) -> None:
    of = model(training__refit=True)
    with pytest.raises(UndertowError, match=what):
        tune(TRIALS, of, tuned.directory, search, space, resume=True)


def test_an_interrupted_search_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tune(TRIALS, factors(), tmp_path / "whole", THREE, FACTORS)
    advance_one = local.advance

    def stopping(task: Task, trial: Trial, *report: Any) -> Trial:
        if trial.number == 1:
            raise Interrupted
        return advance_one(task, trial, *report)

    with monkeypatch.context() as patched:
        patched.setattr(local, "advance", stopping)
        with pytest.raises(Interrupted):
            tune(TRIALS, factors(), tmp_path / "out", THREE, FACTORS)
    heard: list[str] = []
    again = tune(TRIALS, factors(), tmp_path / "out", THREE, FACTORS, resume=True, say=heard.append)
    assert again.table.scores == whole.table.scores
    assert [line.partition(":")[0] for line in heard[:2]] == ["trial 1", "trial 2"]


def test_each_fold_is_searched_on_its_own_trials(tmp_path: Path) -> None:
    done = tune(TRIALS, factors(), tmp_path, THREE, FACTORS, folds=2)
    assert [each.directory.name for each in done.runs] == ["fold0", "fold1"]
    scored = [each.table.scores["pca"]["co-bps"].value for each in done.runs]
    assert done.table.scores["pca"]["co-bps"].value == pytest.approx(np.mean(scored))
    ids = [
        set(json.loads((each.directory / "run.json").read_text())["splits"]["split"]["test"])
        for each in done.runs
    ]
    assert not ids[0] & ids[1]
    assert len(ids[0] | ids[1]) == len(TRIALS)
    held = json.loads((tmp_path / "scores.json").read_text())
    assert {row["model"] for row in held["scores"]} >= {"pca", "smoothing"}
    again = tune(TRIALS, factors(), tmp_path, THREE, FACTORS, folds=2, resume=True)
    assert again.table.scores == done.table.scores


def test_where_every_trial_fails_nothing_is_fitted(tmp_path: Path) -> None:
    only = {"latent_dim": Choices((4,))}
    with pytest.raises(UndertowError, match="trials of the search failed, the first with") as told:
        tune(TRIALS, Failing(latent_dim=4), tmp_path / "out", "random", only)
    assert "--resume" in str(told.value)
    assert not (tmp_path / "out" / "model.safetensors").exists()


# --- a population --------------------------------------------------------------------------------


def population(folder: Path, **settings: Any) -> tuple[LangevinFlow, SearchResult]:
    """A model, and a search that ended with weights of a lineage of two settings."""
    of = model(training__refit=True, **settings)
    parts = split_trials(TRIALS)
    task = Task(once(of), parts.train, parts.validation, folder, 2)
    first = {"training__learning_rate": 0.02}
    trial = advance(task, Trial(0, first, schedule=[(0, first)]))
    trial = advance(task, replace(trial, settings={"training__learning_rate": 0.005}))
    space = {"training__learning_rate": Range(1e-3, 0.1)}
    return of, SearchResult("pbt", space, [trial], 2)


def test_the_weights_of_a_population_are_kept_as_they_are(tmp_path: Path) -> None:
    of, found = population(tmp_path / "search")
    chosen = chosen_model(of, found)
    assert isinstance(chosen, LangevinFlow)
    assert chosen.training.refit is False
    assert chosen.training.learning_rate == 0.005
    state = tmp_path / "search" / "trial0000" / "lineage0" / CHECKPOINT
    put_checkpoint(chosen, found, tmp_path / "search", tmp_path / "checkpoint")
    tensors, _ = read_tensors(tmp_path / "checkpoint" / CHECKPOINT)
    parts = split_trials(TRIALS)
    chosen.fit(parts.train, parts.validation, checkpoint=tmp_path / "checkpoint", resume=True)
    assert chosen.validation_score_ == found.best.score
    kept = {k.removeprefix("best."): v for k, v in tensors.items() if k.startswith("best.")}
    fitted = chosen.network_.state_dict()
    assert all(bool((fitted[name] == kept[name]).all()) for name in kept)
    assert state.exists()
    # the steps of the first three epochs are those of the first settings, four times as large
    rates = [row["learning_rate"] for row in chosen.history_]
    assert rates[2] > 3 * rates[3]


def test_weights_that_are_lost_are_not_made_up(tmp_path: Path) -> None:
    of, found = population(tmp_path / "search")
    (tmp_path / "search" / "trial0000" / "lineage0" / CHECKPOINT).unlink()
    with pytest.raises(UndertowError, match="cannot be made again"):
        put_checkpoint(chosen_model(of, found), found, tmp_path / "search", tmp_path / "out")


def test_a_fit_on_all_trials_does_not_go_on_from_a_part_of_them(tmp_path: Path) -> None:
    of, found = population(tmp_path / "search")
    last = of.copy(training=Training(epochs=6, refit=True, keep="last"))
    once_more = SearchResult("random", found.space, found.trials, 1)
    put_checkpoint(last, once_more, tmp_path / "search", tmp_path / "checkpoint")
    assert not (tmp_path / "checkpoint").exists()


# --- what is said --------------------------------------------------------------------------------


def made(*scores: float, kind: Any = "random", **more: Any) -> SearchResult:
    trials = [
        Trial(k, {"dropout": 0.1 * k}, "finished", [each], [each], **more)
        for k, each in enumerate(scores)
    ]
    return SearchResult(kind, {"dropout": Range(0, 1)}, trials)


def test_the_best_is_one_that_was_trained_to_the_end() -> None:
    found = made(0.1, 0.3, 0.2)
    assert found.best.number == 1
    first, second, third = found.trials
    trials = [first, replace(second, state="stopped"), third]
    assert SearchResult("asha", found.space, trials).best.number == 2


def test_of_equal_weights_the_first_to_have_them_is_chosen() -> None:
    one, two = made(0.3, 0.3, kind="pbt").trials
    copied, own = replace(one, schedule=[(0, {}), (1, {})]), replace(two, schedule=[(0, {})])
    assert SearchResult("pbt", {"dropout": Range(0, 1)}, [copied, own]).best.number == 1


def test_tables_show_the_best_first() -> None:
    heads, rows = made(0.1, 0.3).table()
    assert heads == ["trial", "validation", "seconds", "state", "dropout"]
    assert [row[0] for row in rows] == ["1", "0"]
    assert "(0.1000 → 0.3000; trial 1)" in made(0.1, 0.3).sentence()
    assert "test trials had no part" in made(0.1, 0.3).sentence()
