"""Comparisons: what is fitted, in which order, what is kept, and what is refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from undertow.baselines import MINT, PCA, ConditionAverage, MeanRate, Smoothing
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.experiments import Comparison, compare, compared_by_default, named_models
from undertow.models import model_choices
from undertow.models.base import Estimator

QUICK = Smoothing(width_s=0.05, floor_hz=0.5, penalty=0.1)


class Averages(ConditionAverage):
    """The best model here, and one that does not say what it is told."""

    cli_name = "averages"
    told = ""


MODELS: dict[str, Estimator] = {
    "averages": Averages(width_s=0.02, added_trials=1.0),
    "means": MeanRate(),
    "again": Averages(width_s=0.02, added_trials=1.0),
    "smoothing": QUICK,
}


class Drawn(MeanRate):
    """Mean rates that pretend to depend on the seed."""

    cli_name = "drawn"
    seeded = True


def cells(out: Path) -> dict[str, Any]:
    found = {p.stem: json.loads(p.read_text()) for p in (out / "cells").glob("*.json")}
    return {k: v for k, v in found.items() if "error" not in v}


def quick(trials: TrialSet, out: Path, **options: Any) -> Comparison:
    return compare(trials, out, MODELS, folds=3, verbose=False, **options)


def test_every_model_is_fitted_on_every_fold_and_seed(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    found = quick(small_trials, tmp_path, seeds=(0, 1))
    assert list(found.models) == list(MODELS)
    assert not found.errors


def test_models_without_seeds_are_fitted_once_and_paired_with_every_seed(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    models = {"drawn": Drawn(), "averages": MODELS["averages"]}
    found = compare(small_trials, tmp_path, models, folds=3, seeds=(4, 5), verbose=False)
    names = [name.split("__") for name in cells(tmp_path)]
    assert {(n[0], n[3]) for n in names} == {
        ("drawn", "seed4"),
        ("drawn", "seed5"),
        ("averages", "seed4"),
    }
    assert {name: each.fits for name, each in found.models.items()} == {"drawn": 6, "averages": 3}
    seeds = found.models["averages"].statistics[0]
    assert list(seeds) == [4, 5]
    assert seeds[4]["co-bps"].value == seeds[5]["co-bps"].value


def test_what_is_told_more_is_shown_and_ranked_with_none(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    models = {"told": ConditionAverage(width_s=0.02, added_trials=1.0), **MODELS}
    found = compare(small_trials, tmp_path, models, folds=3, verbose=False)
    by_score = {name: each.scores["co-bps"].value for name, each in found.models.items()}
    assert max(by_score, key=lambda name: by_score[name]) == "told"
    assert found.ranking.rank("told", "co-bps") is None
    assert all("told" not in level for level in found.level.values())
    assert found.table()[1][0][0] == "told (told the condition)"
    alone = compare(small_trials, tmp_path, {"told": models["told"]}, folds=3, verbose=False)
    assert alone.level == {}
    assert alone.sentences() == []
    alone.write(tmp_path)


def test_finished_fits_are_read(
    tmp_path: Path, small_trials: TrialSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = quick(small_trials, tmp_path)
    monkeypatch.setattr(MeanRate, "fit", None)
    again = quick(small_trials, tmp_path)
    assert again.rows() == first.rows()
    assert not again.errors


def test_within_a_budget_whole_folds_are_fitted_for_all_models(
    tmp_path: Path, small_trials: TrialSet, capsys: pytest.CaptureFixture[str]
) -> None:
    found = quick(small_trials, tmp_path, budget_minutes=1e-9)
    assert {each.fits for each in found.models.values()} == {1}
    assert {name.split("__")[2] for name in cells(tmp_path)} == {"fold0"}
    whole = quick(small_trials, tmp_path)
    assert {each.fits for each in whole.models.values()} == {3}


def test_seeds_come_after_folds_so_that_a_budget_ends_with_whole_folds(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    order = []

    def report(cell: Any, *_: Any) -> None:
        order.append((cell.cell.fold, cell.cell.seed))

    compare(small_trials, tmp_path, {"m": Drawn()}, folds=2, seeds=(0, 1), report=report)
    assert order == [(0, 0), (1, 0), (0, 1), (1, 1)]


def test_a_model_that_fails_is_named_and_keeps_no_other_from_its_scores(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    trials = small_trials.replace(condition=None)
    models = {"means": MeanRate(), "mint": MINT()}
    found = compare(trials, tmp_path, models, folds=2, verbose=False)
    assert [name.split("__")[0] for name in found.errors] == ["mint", "mint"]
    assert all("no conditions" in error for error in found.errors.values())
    assert found.models["means"].fits == 2
    assert found.models["mint"].fits == 0
    assert not found.models["mint"].scores
    assert "–" in found.table()[1][1]


def test_learning_curves_are_of_so_many_trials_and_end_at_all(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    found = quick(small_trials, tmp_path, only_folds=(0, 1), train_trials=(10, 20))
    assert list(found.curves) == [10, 20, 53]
    held = cells(tmp_path)
    for name, cell in held.items():
        parts = cell["splits"]["split"]
        learned = len(parts["train"]) + len(parts["validation"])
        data = name.split("__")[1]
        assert learned == (int(data.split("-")[1]) if "-" in data else 80 - len(parts["test"]))
    tests = {(name.split("__")[2]): set() for name in held}
    for name, cell in held.items():
        tests[name.split("__")[2]].add(tuple(cell["splits"]["split"]["test"]))
    assert all(len(each) == 1 for each in tests.values()), "test trials differ"
    assert found.curves[53]["averages"]["co-bps"].value == pytest.approx(
        found.models["averages"].scores["co-bps"].value
    )
    values = [found.curves[n]["averages"]["co-bps"].value for n in (10, 53)]
    assert values[0] < values[1]


def test_the_models_by_default_are_all_but_those_that_need_care() -> None:
    names = compared_by_default()
    assert names[0] == "langevin-flow"
    assert set(model_choices()) - set(names) == {"ensemble", "mint"}
    assert list(named_models()) == names


def test_models_are_named_or_given(small_trials: TrialSet) -> None:
    given = named_models(["smoothing", MeanRate()])
    assert list(given) == ["smoothing", "mean-rate"]
    assert isinstance(given["smoothing"], Smoothing)
    mine = MeanRate(seed=3)
    assert named_models({"x": mine})["x"] is not mine


def tuned(trials: TrialSet, out: Path, **options: Any) -> Comparison:
    models = {"pca": PCA(latent_dim=2, width_s=0.05, penalty=0.1), "smoothing": QUICK}
    return compare(trials, out, models, folds=3, only_folds=(0,), verbose=False, **options)


def test_equal_budgets_of_tuning_are_spent_on_validation_trials_and_counted(
    tmp_path: Path, small_trials: TrialSet
) -> None:
    found = tuned(small_trials, tmp_path, tries=4)
    (cell,) = (each for name, each in cells(tmp_path).items() if name.startswith("pca"))
    assert cell["tried"] == 4
    assert cell["chosen"]["latent_dim"] in (2, *PCA.search_space["latent_dim"].examples)
    assert cell["settings"]["latent_dim"] == 2, "a cell is known by what was given"
    assert found.models["pca"].search_cpu_s > 0
    assert (found.models["smoothing"].tried, found.models["smoothing"].search_cpu_s) == (1, 0)
    heads, rows = found.tables()[2]
    assert heads[-2:] == ["settings tried", "processor seconds a search"]
    assert [row[-2] for row in rows] == ["4", "1"]
    assert not list((tmp_path / "cells").glob("*.search"))
    page = found.write(tmp_path)[0].read_text()
    assert "Before each fit 4 settings of each model were tried on the validation trials" in page
    with pytest.raises(UndertowError, match=r"another fit \(tries was 4, is 1\)"):
        tuned(small_trials, tmp_path)


def test_tuning_sees_no_test_trial(tmp_path: Path, small_trials: TrialSet) -> None:
    tuned(small_trials, tmp_path / "a", tries=4)
    (cell,) = (each for name, each in cells(tmp_path / "a").items() if name.startswith("pca"))
    tested = np.isin(small_trials.trial_ids, cell["splits"]["split"]["test"])
    spikes = small_trials.spikes.copy()
    spikes[tested] = spikes[tested][:, ::-1]
    tuned(small_trials.replace(spikes=spikes), tmp_path / "b", tries=4)
    (other,) = (each for name, each in cells(tmp_path / "b").items() if name.startswith("pca"))
    assert other["chosen"] == cell["chosen"]
    assert other["scores"] != cell["scores"]


def test_without_tuning_the_page_says_so(tmp_path: Path, small_trials: TrialSet) -> None:
    found = quick(small_trials, tmp_path, only_folds=(0,))
    assert "No settings were searched" in found.write(tmp_path)[0].read_text()
    assert "settings tried" not in found.tables()[2][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"models": ["lsd"]}, "no model 'lsd'.*lds"),
        ({"models": ["smoothing", "smoothing"]}, "'smoothing' is compared with itself"),
        ({"seeds": ()}, "at least one fold and one seed"),
        ({"only_folds": (3,)}, r"\[3\]: there are 0 to 2"),
        ({"folds": 1}, "folds is 1"),
        ({"budget_minutes": 0}, "budget_minutes is 0"),
        ({"tries": 0}, "tries is 0"),
        ({"train_trials": (900,)}, "cannot learn from 900 trials: there are"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    tmp_path: Path, small_trials: TrialSet, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UndertowError, match=message):
        compare(small_trials, tmp_path, **{"models": MODELS, "folds": 3, **options})


def test_usage_is_measured(tmp_path: Path, small_trials: TrialSet) -> None:
    found = quick(small_trials, tmp_path)
    each = found.models["smoothing"]
    assert 0 < each.cpu_s < 60
    if Path("/proc/self/clear_refs").exists():
        assert each.peak_bytes is not None
        assert each.peak_bytes > np.asarray(small_trials.spikes).nbytes
