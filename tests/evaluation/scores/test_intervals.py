"""Whether intervals hold what they say: measured on truth, or on held-out spikes."""

from dataclasses import replace

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.evaluation import (
    combine,
    interval_statistics,
    interval_words,
    load_statistics,
    save_statistics,
    spread_factor,
)
from undertow.evaluation.scores import intervals

BINS, NEURONS, BIN_S = 50, 12, 0.02
OF_SPIKES = ("predictive coverage", "PIT deviation")


class Posterior:
    """Log-rates that err by a Gaussian of deviation 0.3, and samples that spread by less."""

    def __init__(self, times_too_narrow: float, n_trials: int = 120, truth: bool = True) -> None:
        rng = np.random.default_rng(0)
        self.middle = np.log(40.0) + np.zeros((n_trials, BINS, NEURONS))
        rates = np.exp(self.middle + 0.3 * rng.standard_normal((n_trials, 1, NEURONS)))
        self.trials = TrialSet(
            rng.poisson(rates * BIN_S),
            BIN_S,
            truth=rates if truth else None,
            heldout=np.arange(NEURONS) % 2 == 0,
        )
        self.std, self.asked = 0.3 / times_too_narrow, list[int]()

    def __call__(self, trials: TrialSet, samples: int | None = None, seed: int = 0) -> Prediction:
        assert samples is not None
        self.asked.append(samples * trials.spikes.size)
        rng = np.random.default_rng(seed)
        shape = (samples, trials.n_trials, 1, NEURONS)
        drawn = np.exp(np.log(40.0) + self.std * rng.standard_normal(shape))
        drawn = np.broadcast_to(drawn, (*shape[:2], BINS, NEURONS))
        return Prediction(drawn.mean(0), trials, rate_samples=drawn)


def test_a_model_that_draws_nothing_has_no_intervals() -> None:
    """Whatever it was asked for, its rates are the one sample."""
    posterior = Posterior(1.0)

    def certain(trials: TrialSet, samples: int | None = None, seed: int = 0) -> Prediction:
        rates = posterior(trials, samples=5, seed=seed).rates
        return Prediction(rates, trials, rate_samples=rates[None])

    assert interval_statistics(certain, posterior.trials) == {}


@pytest.mark.parametrize(("times_too_narrow", "share"), [(1.0, 0.9), (2.0, 0.59), (1e6, 0.0)])
def test_coverage_is_the_share_of_true_rates_inside(times_too_narrow: float, share: float) -> None:
    """1,440 independent rates: the share is known to 0.013, and 200 samples cost 0.011."""
    posterior = Posterior(times_too_narrow)
    scores = combine([[interval_statistics(posterior, posterior.trials)]])
    if share == 0.0:
        assert scores == {}  # samples that do not differ are no posterior
        assert interval_words(scores) == ""
        return
    assert list(scores) == ["interval coverage", *OF_SPIKES]
    assert scores["interval coverage"].value == pytest.approx(share, abs=0.05)
    held = 100 * scores["interval coverage"].value
    assert interval_words(scores) == (
        f"In these trials the 90 % interval holds {held:.0f} % of the true rates."
    )


def test_without_truth_held_out_spikes_say_how_many_times_too_narrow() -> None:
    posterior = Posterior(2.0, truth=False)
    found = interval_statistics(posterior, posterior.trials)
    assert list(found) == ["interval spread", *OF_SPIKES]
    direct = spread_factor(posterior(posterior.trials, samples=200, seed=0), window_s=0.24)
    score = combine([[found]])["interval spread"]
    assert score.value == pytest.approx(direct.value, rel=0.1)
    assert score.value == pytest.approx(2.0, rel=0.2)
    assert 0 <= score.low < score.value < score.high
    words = interval_words({"interval spread": replace(score, value=2.0)})
    assert "rates err 2 times as far" in words
    assert "holds about 59 % of the rates" in words


def test_where_spikes_show_no_error_the_interval_ends_at_zero() -> None:
    posterior = Posterior(0.05, n_trials=20, truth=False)
    score = combine([[interval_statistics(posterior, posterior.trials)]])["interval spread"]
    assert 0 <= score.low <= score.value < 1


def test_samples_are_drawn_in_parts_and_of_large_sets_for_some_trials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    posterior = Posterior(1.0)
    per_trial = 200 * BINS * NEURONS
    monkeypatch.setattr(intervals, "AT_ONCE", 7 * per_trial)
    monkeypatch.setattr(intervals, "AT_MOST", 30 * per_trial)
    found = interval_statistics(posterior, posterior.trials)["interval coverage"]
    assert found.n_trials == 30
    assert max(posterior.asked) <= 7 * per_trial
    assert sum(posterior.asked) == 30 * per_trial


def test_without_truth_and_held_out_neurons_there_is_nothing_to_measure(tmp_path) -> None:
    posterior = Posterior(1.0, truth=False)
    none = posterior.trials.replace(heldout=np.zeros(NEURONS, bool))
    assert interval_statistics(posterior, none) == {}
    found = interval_statistics(posterior, posterior.trials)
    kept = load_statistics(save_statistics(tmp_path / "kept.npz", found))
    assert kept["interval spread"].value == found["interval spread"].value
