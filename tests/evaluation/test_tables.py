"""Scores, and tables of them, show themselves in a line, in a terminal and in a notebook."""

import math

from undertow.evaluation import Score, Scores
from undertow.evaluation.tables import html_table, text_table
from undertow.experiments import ScoreTable


def score(name: str = "co-bps", **changes: object) -> Score:
    fields: dict[str, object] = {
        "value": 0.31,
        "unit": "bits/spike",
        "split": "test",
        "low": 0.295,
        "high": 0.326,
        "n_trials": 19,
        "bin_s": 0.02,
        "n_neurons": 40,
    }
    return Score(name=name, **{**fields, **changes})  # type: ignore[arg-type]


def test_a_score_in_a_line() -> None:
    assert repr(score()) == "0.310 [0.295, 0.326] bits/spike (19 trials)"
    assert repr(score(std_over_folds=0.02)) == (
        "0.310 [0.295, 0.326] sd 0.020 bits/spike (19 trials)"
    )
    single = score(low=math.nan, high=math.nan, n_trials=1)
    assert repr(single) == "0.310 bits/spike (1 trial)"


def test_scores_are_a_dict_that_shows_a_row_each() -> None:
    scores = Scores({"co-bps": score(), "rate R2": score("rate R2", unit="R²")})
    assert scores == dict(scores)
    assert repr(scores).splitlines() == [
        "score    value                 unit        trials",
        "co-bps   0.310 [0.295, 0.326]  bits/spike  19",
        "rate R2  0.310 [0.295, 0.326]  R²          19",
    ]
    assert scores._repr_html_().count("<tr>") == 3
    assert repr(Scores()) == "score  value  unit  trials"


def test_a_table_of_models_has_a_column_each_and_the_difference() -> None:
    models = {"<mine>": {"co-bps": score()}, "smoothing": {"co-bps": score(), "fp-bps": score()}}
    table = ScoreTable(models, {"co-bps": score(value=0.0)})
    heads, first, second = repr(table).splitlines()
    assert heads.split()[:2] == ["score", "<mine>"]
    assert "<mine> − smoothing" in heads
    assert "0.000 [0.295, 0.326]" in first
    assert second.count("–") == 2
    assert "<th>&lt;mine&gt;</th>" in table._repr_html_()


def test_cells_are_aligned_and_escaped() -> None:
    table = (["a", "long"], [["<b>", "1"], ["x", "22"]])
    assert text_table(table) == "a    long\n<b>  1\nx    22"
    assert "<td>&lt;b&gt;</td>" in html_table(table)
