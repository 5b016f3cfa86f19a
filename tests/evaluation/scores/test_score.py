"""Scores pooled over folds and seeds, and paired differences."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from undertow.errors import DataError
from undertow.evaluation import Score, bits_per_spike, combine, pooled_score
from undertow.evaluation.scores.sums import BitsPerSpike


def cell(fold: int, noise: float, seed: int = 0, **more: Any) -> BitsPerSpike:
    """Bits per spike of noisy rates for the trials of a fold; the spikes depend on the fold
    only."""
    rng = np.random.default_rng([7, fold])
    truth = rng.gamma(2.0, 0.3, (20, 10, 5)) * rng.gamma(2.0, 0.5, (20, 1, 1))
    spikes = rng.poisson(truth)
    rates = truth * np.exp(noise * np.random.default_rng([fold, seed]).normal(size=truth.shape))
    about = {
        "name": "co-bps",
        "unit": "bits/spike",
        "condition": np.arange(20) % 4,
        "bin_s": 0.02,
        "n_neurons": 5,
    }
    return BitsPerSpike.from_counts(
        rates, spikes, **(about | {"trial_ids": fold * 20 + np.arange(20)} | more)
    )


def test_one_fold_is_the_plain_score() -> None:
    rates, spikes = np.random.default_rng(0).gamma(1.0, 0.5, (2, 6, 10, 3))
    spikes = np.round(spikes)
    about = {"name": "x", "unit": "bits/spike", "condition": None, "bin_s": 0.02, "n_neurons": 3}
    score = pooled_score(
        [BitsPerSpike.from_counts(rates, spikes, trial_ids=np.arange(6), **about)], split="test"
    )
    assert score.value == pytest.approx(bits_per_spike(rates, spikes), abs=1e-12)
    assert score.low < score.value < score.high
    assert (score.split, score.n_trials, score.n_neurons, score.std_over_folds) == (
        "test",
        6,
        3,
        None,
    )


def test_mean_over_folds_of_the_mean_over_seeds() -> None:
    cells = [[cell(fold, 0.3, seed) for seed in range(3)] for fold in range(4)]
    folds = np.array([[s.value for s in fold] for fold in cells]).mean(axis=1)
    score = pooled_score(cells, resamples=500)
    assert score.value == pytest.approx(folds.mean(), abs=1e-12)
    assert score.std_over_folds == pytest.approx(folds.std(ddof=1), abs=1e-12)
    assert score.n_trials == 80


def test_differences_are_paired() -> None:
    good, bad = [[cell(fold, 0.2)] for fold in range(4)], [[cell(fold, 0.3)] for fold in range(4)]
    a, b, difference = pooled_score(good), pooled_score(bad), pooled_score(good, minus=bad)
    assert difference.name == "co-bps difference"
    assert difference.value == pytest.approx(a.value - b.value, abs=1e-12)
    assert difference.low > 0
    assert difference.high - difference.low < 0.5 * (a.high - a.low)
    nothing = pooled_score(good, minus=good)
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_same_seed_same_interval() -> None:
    cells = [cell(0, 0.3), cell(1, 0.3)]
    assert pooled_score(cells, seed=3) == pooled_score(cells, seed=3)
    assert pooled_score(cells, seed=3).low != pooled_score(cells, seed=4).low


def test_notes_and_silent_neurons_of_folds_are_told_once() -> None:
    cells = [cell(0, 0.3, note="held-out", left_out=0), cell(1, 0.3, note="held-out", left_out=2)]
    assert pooled_score(cells).note == "held-out; 0 to 2 silent neurons left out"
    assert pooled_score(cells[1:]).note == "held-out; 2 silent neurons left out"


def test_combine_takes_what_all_cells_have() -> None:
    folds = [
        [{"co-bps": cell(k, 0.3), "other": replace(cell(k, 0.3), name="other")}] for k in range(2)
    ]
    del folds[1][0]["other"]
    scores = combine(folds, split="cross-validation", resamples=100)
    assert list(scores) == ["co-bps"]
    assert scores["co-bps"] == pooled_score(
        [f[0]["co-bps"] for f in folds], split="cross-validation", resamples=100
    )


def test_to_dict_is_json() -> None:
    single = pooled_score([cell(0, 0.3)])
    assert json.loads(json.dumps(single.to_dict(), allow_nan=False))["low"] == single.low
    alone = BitsPerSpike.from_counts(
        np.ones((1, 2, 1)),
        np.ones((1, 2, 1)),
        trial_ids=np.arange(1),
        name="x",
        unit="u",
        condition=None,
        bin_s=0.1,
        n_neurons=1,
    )
    assert pooled_score([alone]).to_dict()["low"] is None
    assert str(single).startswith(f"co-bps {single.value:.3f} [")


def test_errors() -> None:
    with pytest.raises(DataError, match="no statistic"):
        pooled_score([])
    with pytest.raises(DataError, match="no fold to combine"):
        combine([])
    with pytest.raises(DataError, match="different trials"):
        pooled_score([cell(0, 0.3)], minus=[cell(1, 0.3)])
    with pytest.raises(DataError, match="1 folds are compared with 2"):
        pooled_score([cell(0, 0.3)], minus=[cell(0, 0.3), cell(1, 0.3)])
    with pytest.raises(DataError, match="cannot be pooled"):
        pooled_score([[cell(0, 0.3), cell(0, 0.3, name="other")]])


def spread(score: Score) -> float:
    return score.high - score.low


def test_intervals_cover_seeds_as_well_as_trials() -> None:
    """Seeds that differ a great deal: the interval is as wide as theirs, not as that of trials."""
    seeds = [cell(0, noise, seed) for seed, noise in enumerate((0.1, 0.5, 0.9))]
    values = np.array([each.value for each in seeds])
    alone, together = pooled_score([[seeds[1]]]), pooled_score([seeds])
    assert spread(together) > 1.5 * spread(alone)
    # of three seeds two are drawn, each counted 1.5 times: the variance of their mean is right
    expected = values.std(ddof=1) / 3**0.5
    assert spread(together) > 2 * expected
    same = pooled_score([[seeds[1]] * 3])
    assert (same.low, same.high) == pytest.approx((alone.low, alone.high))


def test_seeds_of_two_models_are_drawn_apart() -> None:
    seeds = [cell(0, noise, seed) for seed, noise in enumerate((0.1, 0.5, 0.9))]
    difference = pooled_score([seeds], [seeds[::-1]])
    assert difference.value == pytest.approx(0)
    assert spread(difference) > np.std([each.value for each in seeds], ddof=1)


def test_folds_are_resampled_where_asked() -> None:
    folds = [[cell(0, noise, 1)] for noise in (0.1, 0.3, 0.5, 0.9)]
    fixed, drawn = pooled_score(folds), pooled_score(folds, over_folds=True)
    assert drawn.value == fixed.value
    assert spread(drawn) > 1.5 * spread(fixed)
    level = pooled_score([[cell(0, 0.3)]] * 4, over_folds=True)
    assert spread(level) < 1.5 * spread(pooled_score([[cell(0, 0.3)]] * 4))
