"""Weighted sums against the same score computed from trials that are really repeated."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import r2_score

from undertow.errors import DataError
from undertow.evaluation import (
    Statistic,
    bits_per_spike,
    load_statistics,
    produced_time_correlation,
    psth_r2,
    rate_r2,
    save_statistics,
)
from undertow.evaluation.metrics.rates import Averaging
from undertow.evaluation.scores.bootstrap import bootstrap_weights
from undertow.evaluation.scores.psth_sums import PsthRSquared
from undertow.evaluation.scores.sums import (
    BitsPerSpike,
    ProducedTimeCorrelation,
    RSquared,
)

N = 12
CONDITION = np.arange(N) % 3
Direct = Callable[[np.ndarray], float]


def about(**more: Any) -> dict[str, Any]:
    return {
        "name": "score",
        "unit": "unit",
        "trial_ids": np.arange(N),
        "condition": CONDITION,
        "bin_s": 0.02,
        "n_neurons": 4,
        **more,
    }


def arrays(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rates = rng.gamma(1.0, 0.5, (N, 15, 4))
    spikes = rng.poisson(rates).astype(float)
    spikes[5, 9:] = np.nan
    return rates, spikes


def bits() -> tuple[Statistic, Direct]:
    rates, spikes = arrays()
    return BitsPerSpike.from_counts(rates, spikes, **about()), lambda i: bits_per_spike(
        rates[i], spikes[i]
    )


def squared(multioutput: Averaging) -> tuple[Statistic, Direct]:
    rates, truth = arrays()
    truth = truth + 1000.0
    rates = rates + 1000.0
    statistic = RSquared.from_targets(rates, truth, multioutput=multioutput, **about())
    return statistic, lambda i: rate_r2(rates[i], truth[i], multioutput)


def condition_means() -> tuple[Statistic, Direct]:
    rates, _ = arrays()
    psth = np.random.default_rng(1).gamma(1.0, 0.5, (3, 15, 4))
    psth[1, :4] = np.nan
    statistic = PsthRSquared(rates=rates, psth=psth, member=CONDITION, **about())
    return statistic, lambda i: psth_r2(
        rates[i], psth, [np.flatnonzero(CONDITION[i] == k) for k in range(3)]
    )


def timing() -> tuple[Statistic, Direct]:
    rates, _ = arrays()
    spikes = np.ones((N, 15, 1))
    tp = np.random.default_rng(2).uniform(0.5, 1, N)
    behavior = np.column_stack([CONDITION, np.zeros(N), np.zeros(N), tp])
    fields = about()
    del fields["condition"]
    statistic = ProducedTimeCorrelation.from_rates(rates, spikes, behavior, **fields)
    return statistic, lambda i: produced_time_correlation(rates[i], spikes[i], behavior[i])


MAKERS = {
    "bits": bits,
    "uniform": lambda: squared("uniform"),
    "variance-weighted": lambda: squared("variance-weighted"),
    "median": lambda: squared("median"),
    "psth": condition_means,
    "timing": timing,
}


@pytest.mark.parametrize("kind", MAKERS)
def test_weights_are_repetitions(kind: str) -> None:
    statistic, direct = MAKERS[kind]()
    rng = np.random.default_rng(3)
    drawn = [
        np.sort(np.concatenate([rng.choice(np.flatnonzero(k == CONDITION), 4) for k in range(3)]))
        for _ in range(5)
    ]
    weights = np.stack([np.bincount(i, minlength=N) for i in drawn]).astype(float)
    np.testing.assert_allclose(statistic.finish(weights), [direct(i) for i in drawn], rtol=1e-9)
    assert statistic.value == pytest.approx(direct(np.arange(N)), rel=1e-9)


@pytest.mark.parametrize("kind", MAKERS)
def test_saved_and_read_back(kind: str, tmp_path: Path) -> None:
    statistic, _ = MAKERS[kind]()
    again = Statistic.from_arrays(statistic.to_arrays())
    assert type(again) is type(statistic)
    path = save_statistics(tmp_path / "cell.npz", {"velocity R2": again, "co/bps": statistic})
    read = load_statistics(path)
    assert list(read) == ["velocity R2", "co/bps"]
    weights = np.random.default_rng(0).integers(1, 3, (4, N)).astype(float)
    np.testing.assert_array_equal(read["co/bps"].finish(weights), statistic.finish(weights))
    assert [p.name for p in tmp_path.iterdir()] == ["cell.npz"]


def test_no_condition_survives_the_file() -> None:
    statistic = BitsPerSpike.from_counts(
        *arrays(), **about(condition=None, note="a note", left_out=2)
    )
    again = Statistic.from_arrays(statistic.to_arrays())
    assert again.condition is None
    assert (again.note, again.left_out, again.bin_s) == ("a note", 2, 0.02)


def test_r_squared_of_targets_far_from_zero() -> None:
    rng = np.random.default_rng(0)
    target = 1e6 + rng.normal(size=(N, 20, 2))
    predicted = target + 0.3 * rng.normal(size=target.shape)
    expected = r2_score(target.reshape(-1, 2), predicted.reshape(-1, 2))
    statistic = RSquared.from_targets(predicted, target, **about())
    assert statistic.value == pytest.approx(expected, abs=1e-9)


def test_neurons_silent_in_a_resample_are_left_out_of_it() -> None:
    rates, spikes = arrays()
    spikes[1:, :, 0] = 0
    statistic = BitsPerSpike.from_counts(rates, spikes, **about())
    weights = np.ones((1, N))
    weights[0, 0] = 0
    expected = bits_per_spike(rates[1:, :, 1:], spikes[1:, :, 1:])
    assert statistic.finish(weights)[0] == pytest.approx(expected, abs=1e-12)


def test_conditions_no_trial_of_which_is_drawn_are_left_out_of_the_resample() -> None:
    """Two pairs and two singletons: the singletons share a stratum, one of them may get no
    trial."""
    rng, condition = np.random.default_rng(0), np.array([0, 0, 1, 1, 2, 3])
    rates, psth = rng.gamma(1.0, 0.5, (6, 15, 4)), rng.gamma(1.0, 0.5, (4, 15, 4))
    psth[3, 10:] = np.nan
    fields = about(trial_ids=np.arange(6), condition=condition)
    statistic = PsthRSquared(rates=rates, psth=psth, member=condition, **fields)
    drawn = [np.array([0, 1, 2, 3, 4, 4]), np.array([0, 0, 2, 3, 5, 5]), np.arange(6)]
    weights = np.stack([np.bincount(i, minlength=6) for i in drawn]).astype(float)
    direct = [
        psth_r2(rates[i], psth, [np.flatnonzero(condition[i] == k) for k in range(4)])
        for i in drawn
    ]
    np.testing.assert_allclose(statistic.finish(weights), direct, rtol=1e-9)
    resampled = statistic.finish(bootstrap_weights(6, condition, 500))
    assert np.isfinite(resampled).all()


def test_correlation_without_variation_is_nan() -> None:
    statistic, _ = timing()
    weights = np.zeros((1, N))
    weights[0, :3] = 4
    assert np.isnan(statistic.finish(weights)).all()


def test_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="hold Nonsense, not a statistic"):
        Statistic.from_arrays({"kind": np.asarray("Nonsense")})
    with pytest.raises(DataError, match="do not fit"):
        Statistic.from_arrays({"kind": np.asarray("RSquared")})
    with pytest.raises(DataError, match="cannot be read as saved statistics"):
        load_statistics(tmp_path / "nothing.npz")
