"""Tables of scores: the true rates stand beside the models, and what a score hides is said."""

from dataclasses import replace

import numpy as np
import pytest

from undertow.baselines import Smoothing
from undertow.data import TrialSet, join_trials, split_trials
from undertow.evaluation import TRUE_RATES, combine, model_statistics
from undertow.experiments.scores import score_table, score_warnings, true_rate_cells
from undertow.systems import simulate_lorenz

TRIALS = simulate_lorenz(conditions=6, trials_per_condition=(5, 1, 4), bins=40).hold_out(8)
TRAIN, VALIDATION, TEST = split_trials(TRIALS)
LEARNED = join_trials(TRAIN, VALIDATION)


def cells(train: TrialSet = LEARNED) -> dict:
    models = {"one": Smoothing(), "other": Smoothing(width_s=0.04)}
    found = {}
    for name, model in models.items():
        fitted = model.fit(TRAIN, VALIDATION)
        statistics = model_statistics(fitted, fitted.predict(TEST), fitted.predict(train))
        found[name] = [[statistics]]
    return found


def test_true_rates_have_the_last_column_and_no_difference() -> None:
    table = score_table(cells() | true_rate_cells([(LEARNED, TEST)]))
    heads, rows = table.table()
    assert heads == ["score", "one", "other", "one − other", TRUE_RATES, "unit", "test trials"]
    assert rows[0][0] == "co-bps"
    assert [row[0] for row in rows if row[4] == "–"] == [
        "rate R2",
        "rate R2 variance-weighted",
        "rate R2 median",
    ]
    models = {row["model"] for row in table.rows()}
    assert models == {"one", "other", TRUE_RATES, "one − other"}
    assert table.scores[TRUE_RATES]["held-in bps"].value > table.scores["one"]["held-in bps"].value
    alone = score_table({"one": cells()["one"]} | true_rate_cells([(LEARNED, TEST)]))
    assert alone.differences == {}


def test_without_truth_there_is_no_such_column() -> None:
    assert true_rate_cells([(LEARNED.replace(truth=None), TEST.replace(truth=None))]) == {}


def test_averages_of_few_trials_are_warned_of() -> None:
    scores = score_table(cells()).scores["one"]
    assert score_warnings(scores) == []
    fewer = replace(scores["psth R2"], facts={"fewest trials per condition": (2.0, 5.0)})
    (said,) = score_warnings({"psth R2": fewer})
    assert said.startswith("psth R2 averages 2 test trials of some conditions")
    assert "4 or more" in said


def test_neurons_silent_in_training_are_warned_of_once() -> None:
    spikes = np.array(LEARNED.spikes)
    heldout = np.flatnonzero(LEARNED.heldout)[0]
    spikes[..., heldout] = 0
    with pytest.warns(UserWarning, match="spike"):
        silent = TrialSet(spikes, LEARNED.bin_s, heldout=LEARNED.heldout, truth=LEARNED.truth)
    model = Smoothing().fit(LEARNED)
    found = model_statistics(model, model.predict(TEST), model.predict(silent))
    (said,) = score_warnings(combine([[found]]))
    assert f"without neuron {heldout}, silent in the training trials" in said
    assert "filter_rates" in said
