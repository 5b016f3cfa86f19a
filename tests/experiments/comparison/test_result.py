"""What a comparison says: ranks, who is level with the best, neurons, conditions, files."""

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.experiments.comparison.test_running import MODELS
from undertow.data import TrialSet
from undertow.experiments import Comparison, compare
from undertow.experiments.comparison.two_models import condition_scores, neuron_scores


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, small_trials: TrialSet) -> Comparison:
    out = tmp_path_factory.mktemp("comparison")
    return compare(
        small_trials, out, MODELS, folds=3, seeds=(0, 1), train_trials=(20,), verbose=False
    )


def test_differences_are_paired_and_from_the_first(found: Comparison) -> None:
    assert not found.models["averages"].differences
    again = found.models["again"].differences["co-bps"]
    assert (again.value, again.low, again.high) == (0.0, 0.0, 0.0)
    means = found.models["means"]
    apart = means.differences["co-bps"]
    own = means.scores["co-bps"].value - found.models["averages"].scores["co-bps"].value
    assert apart.value == pytest.approx(own)
    assert apart.high < 0


def test_the_best_and_those_its_paired_interval_cannot_tell_from_it_are_level(
    found: Comparison,
) -> None:
    level = found.level["co-bps"]
    assert set(level) == {"averages", "again"}
    assert level["averages"] is None
    assert level["again"] is not None
    assert "means" not in level
    for score, each in found.level.items():
        best = next(iter(each))
        assert found.ranking.rank(best, score) == 1
        assert found.ranking.ranked(score)[0] == best


def test_ranks_count_from_one_and_their_mean_is_over_scores(found: Comparison) -> None:
    ranking = found.ranking
    places = [ranking.rank(name, "co-bps") for name in MODELS]
    assert sorted(p for p in places if p is not None) == [1, 2, 3, 4]
    assert ranking.rank("means", "no such score") is None
    mine = [ranking.rank("means", s) for s in ranking.score_names]
    assert ranking.mean_rank("means") == pytest.approx(np.mean([p for p in mine if p is not None]))


def test_a_score_that_one_model_alone_has_is_shown_and_not_ranked(found: Comparison) -> None:
    models = dict(found.models)
    for name in ("again", "means", "smoothing"):
        kept = {k: v for k, v in models[name].scores.items() if k != "held-in bps"}
        models[name] = replace(models[name], scores=kept)
    alone = Comparison(models, {})
    assert alone.ranking.rank("averages", "held-in bps") is None
    assert "held-in bps" not in alone.level
    assert alone.ranking.mean_rank("averages") == alone.ranking.rank("averages", "co-bps")
    heads, rows = alone.table()
    shown = rows[0][heads.index("held-in bps")]
    assert shown != "–"
    assert "*" not in shown


def test_scores_of_neurons_add_up_to_the_pooled_one(found: Comparison) -> None:
    model = found.models["smoothing"]
    each = neuron_scores(model)
    assert each.shape == (2,)
    gains, spikes = 0.0, 0.0
    per_fit = []
    for seeds in model.statistics.values():
        for sums in seeds.values():
            held = sums["co-bps"]
            gain, count = held.gains(np.ones((1, held.n_trials)))  # type: ignore[attr-defined]
            gains, spikes = gains + gain[0], spikes + count[0]
            per_fit.append(held.value)
    assert each == pytest.approx(gains / spikes / np.log(2))
    pooled = float(np.sum(each * spikes) / np.sum(spikes))
    assert pooled == pytest.approx(np.mean(per_fit), abs=0.01)


def test_scores_of_conditions_are_of_their_trials_alone(found: Comparison) -> None:
    by_condition = condition_scores(found.models["averages"])
    assert set(by_condition) == {0, 1, 2, 3}
    sums = [
        s["co-bps"]
        for seeds in found.models["averages"].statistics.values()
        for s in seeds.values()
    ]
    own = []
    for held in sums:
        rows = np.flatnonzero(held.condition == 2)
        weights = np.zeros((1, held.n_trials))
        weights[0, rows] = 1
        own.append(held.finish(weights)[0])
    assert by_condition[2] == pytest.approx(np.mean(own))


def test_the_table_marks_who_is_level(found: Comparison) -> None:
    heads, rows = found.table()
    assert heads[:2] == ["model", "co-bps"]
    marked = {row[0]: row[1].endswith(" *") for row in rows}
    assert marked == {"averages": True, "means": False, "again": True, "smoothing": False}
    assert any(s == "co-bps: best averages; level with it: again." for s in found.sentences())


def test_files_are_whole_and_load_nothing(found: Comparison, tmp_path: Path) -> None:
    paths = found.write(tmp_path, {"source": {"path": "<b>.npz"}})
    assert {p.name for p in paths} == {
        "comparison.html",
        "comparison.csv",
        "comparison.md",
        "comparison.json",
    }
    with (tmp_path / "comparison.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(each.scores) for each in found.models.values())
    one = next(r for r in rows if r["model"] == "again" and r["name"] == "co-bps")
    assert one["level_with_best"] == "True"
    held = json.loads((tmp_path / "comparison.json").read_text())
    assert held["compared_with"] == "averages"
    assert {row["train_trials"] for row in held["curves"]} == {20, 53}
    page = (tmp_path / "comparison.html").read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "&lt;b&gt;.npz" in page
    assert page.count("<img ") == 3
    assert all(f'id="{name}"' in page for name in ("scores", "costs", "pair", "curves", "methods"))
    found.write(tmp_path)  # again, over its own files


def test_a_page_says_what_failed(tmp_path: Path, small_trials: TrialSet) -> None:
    models = {"averages": MODELS["averages"], "mint": MODELS["averages"].copy(width_s=-1.0)}
    failed = compare(small_trials, tmp_path, models, folds=2, verbose=False)
    assert failed.errors
    failed.write(tmp_path)
    assert "Fits that failed" in (tmp_path / "comparison.html").read_text()
