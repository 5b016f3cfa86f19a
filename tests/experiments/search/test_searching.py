"""Searching on this machine: what is chosen, on which trials, what it costs and what is refused."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.experiments.search import small
from tests.experiments.search.small import SPACE, SPLITS, UNUSED, Failing, model, scores, searched
from undertow.baselines import LDS, PCA, Smoothing
from undertow.data import TrialSet
from undertow.errors import ModelError, UndertowError
from undertow.experiments import random_search
from undertow.experiments.search import Search, Trial, checked_space
from undertow.experiments.search import local as running
from undertow.experiments.search import searching as module
from undertow.models import Choices, Estimator, LangevinFlow, Range
from undertow.models.search_space import sampled_settings
from undertow.training import Interrupted, Training

pytestmark = pytest.mark.filterwarnings(UNUSED)
FACTORS = {"latent_dim": Choices((2, 3, 4, 5)), "width_s": Range(0.01, 0.1, "log")}


def by_factors(folder: Path | None = None, of: Estimator | None = None, **more: Any) -> Any:
    of = PCA(latent_dim=2, penalty=0.1) if of is None else of
    parts = SPLITS.train, SPLITS.validation
    return random_search(of, *parts, 6, 0, FACTORS, folder=folder, **more)


def test_the_best_on_the_validation_trials_is_chosen() -> None:
    found = by_factors()
    drawn = sampled_settings(FACTORS, PCA(latent_dim=2, penalty=0.1).get_params(), 6, 0)
    assert [each.settings for each in found.trials] == drawn
    assert all(each.state == "finished" for each in found.trials)
    assert found.best.score == max(scores(found))
    alone = PCA(latent_dim=2, penalty=0.1).copy(**found.settings).fit(SPLITS.train)
    score = alone.score(SPLITS.validation)["co-bps"].value
    assert found.best.score == pytest.approx(score, abs=1e-9)


def test_processes_find_what_one_process_finds(tmp_path: Path) -> None:
    one, two = by_factors(), by_factors(tmp_path, workers=2)
    assert scores(one) == scores(two)
    assert one.settings == two.settings


def test_every_trial_says_its_processor_seconds() -> None:
    heard: list[tuple[int, int, int]] = []
    found = by_factors(report=lambda trial, done, total: heard.append((trial.number, done, total)))
    assert all(each.processor_s > 0 for each in found.trials)
    assert found.processor_s == pytest.approx(sum(each.processor_s for each in found.trials))
    assert heard == [(k, k + 1, 6) for k in range(6)]


def test_a_trial_that_fails_is_passed_over(tmp_path: Path) -> None:
    found = by_factors(tmp_path, Failing(latent_dim=2, penalty=0.1))
    failed = [each for each in found.trials if each.state == "failed"]
    assert {each.settings["latent_dim"] for each in failed} == {4}
    assert found.best.state == "finished"
    assert [row["error"] for row in found.columns() if row["state"] == "failed"] == [
        "FloatingPointError: four is not enough"
    ] * len(failed)


def test_where_all_fail_the_first_reason_is_said() -> None:
    of, only = Failing(latent_dim=4, penalty=0.1), {"latent_dim": Choices((4,))}
    with pytest.raises(UndertowError, match=r"all 1 trials .* four is not enough"):
        random_search(of, SPLITS.train, SPLITS.validation, 3, 0, only)


def test_the_test_trials_have_no_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No worker is given a single one: jobs are all that a worker has."""
    jobs: list[Any] = []

    def kept(work: Any, given: Any, workers: int) -> Any:
        jobs.extend(given)
        return map(work, given)

    monkeypatch.setattr(running, "in_processes", kept)
    by_factors(tmp_path, workers=2)
    assert jobs
    for task, _ in jobs:
        held = [each for each in vars(task).values() if isinstance(each, TrialSet)]
        ids = np.concatenate([each.trial_ids for each in held])
        assert not np.isin(SPLITS.test.trial_ids, ids).any()
        # the parts lie side by side in one array: what is sent is not the whole of it
        whole = sum(each.spikes.nbytes for each in SPLITS)
        assert len(pickle.dumps(held[0].spikes)) < whole


def test_a_search_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = searched(tmp_path / "whole")
    folder, advance = tmp_path / "stopped", running.advance
    done: list[int] = []

    def stopping(task: Any, trial: Trial, *report: Any) -> Trial:
        if trial.number == 2:
            raise Interrupted
        done.append(trial.number)
        return advance(task, trial, *report)

    monkeypatch.setattr(running, "advance", stopping)
    with pytest.raises(Interrupted):
        searched(folder)
    assert done == [0, 1]
    monkeypatch.undo()
    heard: list[int] = []
    again = searched(folder, report=lambda trial, *_: heard.append(trial.number))
    assert heard == [2, 3]
    assert scores(again) == scores(whole)


def test_an_unfinished_trial_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", samples=1)
    folder = tmp_path / "stopped"
    half = model().copy(**whole.settings)
    half.advance(
        SPLITS.train, SPLITS.validation, 0.5, folder / "trial0000" / "lineage0", lambda *_: None
    )
    epochs: list[float] = []
    trained = module.run_here

    def watched(task: Any, trials: Any, workers: int, report: Any, _: Any) -> Any:
        return trained(task, trials, workers, report, lambda row, *_: epochs.append(row["epoch"]))

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(module, "run_here", watched)
        again = searched(folder, samples=1)
    assert epochs == [4, 5, 6]
    assert scores(again) == scores(whole)


def test_finished_trials_are_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = searched(tmp_path)
    monkeypatch.setattr(running, "advance", None)
    assert scores(searched(tmp_path)) == scores(first)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("of", "space", "search", "rule"),
    [
        (Smoothing(), None, {}, "has no search space of its own"),
        (PCA(), None, {"kind": "asha"}, "pca is not trained by gradients: asha"),
        (LDS(), None, {"kind": "pbt"}, "lds is not trained by gradients: pbt"),
        (model(), {}, {}, "the search space is {}"),
        (model(), {"dropot": Range(0, 1)}, {}, "no parameter 'dropot': did you mean 'dropout'"),
        (model(), {"dropout": Range(0, 2)}, {}, "dropout"),
        (model(), {"latent_dim": Choices((8, 0))}, {}, "latent_dim"),
        (model(), {"training__monitor": Choices(("auto",))}, {}, "could not be compared"),
        (model(), {"latent_dim": Choices((8,))}, {"kind": "pbt"}, "latent_dim cannot be .* amid"),
        (model(training__recipes=("default",)), None, {}, "training.recipes is a search of its"),
        (model(training__max_seconds=5.0), None, {"kind": "asha"}, "training.max_seconds"),
    ],
)
def test_what_cannot_be_searched_is_refused(
    of: Estimator, space: Any, search: dict[str, Any], rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: name)  # as if Ray were there
    with pytest.raises(ModelError, match=rule):
        checked_space(of, space, Search(**search), SPLITS.validation)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"kind": "bayes"}, "search.kind is 'bayes'"),
        ({"samples": 0}, "search.samples is 0"),
        ({"workers": 0}, "search.workers is 0"),
        ({"kind": "pbt", "samples": 3}, "a population of pbt has at least 4"),
        ({"slices": 4}, "random trains each sample whole"),
        ({"kind": "asha", "engine": "local"}, "asha is of Ray"),
        ({"address": "auto", "engine": "local"}, "an address is of Ray"),
    ],
)
def test_options_that_cannot_be_are_refused(given: dict[str, Any], rule: str) -> None:
    with pytest.raises(ModelError, match=rule):
        Search(**given)


def test_who_runs_where() -> None:
    assert not Search().on_ray
    assert Search(engine="ray").on_ray
    assert Search("asha").on_ray
    assert Search("pbt").on_ray
    assert Search(address="auto").on_ray


def test_without_ray_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UndertowError, match=r"pip install 'undertow\[tune\]'"):
        checked_space(model(), SPACE, Search("pbt"), SPLITS.validation)
    assert checked_space(model(), SPACE, Search(), SPLITS.validation) == SPACE


def test_the_models_own_space_is_cut_to_what_can_be_compared() -> None:
    own = dict(LangevinFlow.search_space)
    assert checked_space(model(), None, Search(), SPLITS.validation) == own
    unheld = SPLITS.validation.replace(heldout=np.zeros(SPLITS.train.n_neurons, bool))
    del own["coordinated_dropout"]
    assert checked_space(model(), None, Search(), unheld) == own


@pytest.mark.usefixtures("as_if_ray")
def test_a_population_varies_what_may_change_amid_a_training() -> None:
    found = checked_space(model(), None, Search("pbt"), SPLITS.validation)
    assert set(found) == set(LangevinFlow.search_space) & LangevinFlow.adjustable


@pytest.fixture
def as_if_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: name)


def test_slices_are_no_more_than_epochs() -> None:
    options = replace(Search(), kind="asha", engine="ray")
    trained = small.model(training=Training(epochs=5))
    assert module._slices(trained, SPLITS.train, options) == 5
    assert module._slices(PCA(), SPLITS.train, options) == 1
