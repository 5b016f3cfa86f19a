"""Held-in scores are of entries that were hidden: copying does not pay, and nothing leaks."""

import numpy as np
import pytest

from tests.models.small import GAPS, UNUSED, fitted
from undertow.baselines import Smoothing
from undertow.data import Prediction, TrialSet, join_trials, split_trials
from undertow.errors import DataError
from undertow.evaluation import (
    bits_per_spike,
    hidden_prediction,
    speckles,
    sufficient_statistics,
    truth_statistics,
)
from undertow.evaluation.metrics.psth import gaussian_smooth
from undertow.models import Ensemble, LatentSDE
from undertow.models.base import Estimator
from undertow.systems import simulate_lorenz
from undertow.training import Training

pytestmark = pytest.mark.filterwarnings(UNUSED)
TRIALS = simulate_lorenz(conditions=20, trials_per_condition=(4, 1, 2))
TRAIN, VALIDATION, TEST = split_trials(TRIALS)


def test_masks_hide_every_held_in_entry_once_and_nothing_else() -> None:
    drawn = speckles(GAPS, masks=4, seed=3)
    window = np.arange(GAPS.n_time) < GAPS.n_time - GAPS.forward_bins
    seen = np.isfinite(GAPS.spikes) & window[:, None] & ~GAPS.heldout
    assert ((drawn >= 0) == seen).all()
    shares = np.bincount(drawn[seen]) / seen.sum()
    assert shares == pytest.approx([0.25] * 4, abs=4 * np.sqrt(0.19 / seen.sum()))
    assert (drawn == speckles(GAPS, 4, 3)).all()
    assert (drawn != speckles(GAPS, 4, 4)).any()


@pytest.mark.parametrize("masks", [1, 101, 2.5])
def test_other_numbers_of_masks_are_refused(masks: float) -> None:
    with pytest.raises(DataError, match=r"masks is .*: it must be a whole number"):
        speckles(GAPS, masks)


def models() -> dict[str, Estimator]:
    plain = LatentSDE(latent_dim=2, samples=3, training=Training(epochs=1)).fit(GAPS)
    flow = fitted()
    together = Ensemble(flow, size=2)
    together._adopt([flow, flow])
    return {
        "smoothing": Smoothing().fit(GAPS),
        "langevin-flow": flow,
        "latent-sde": plain,
        "ensemble": together,
    }


@pytest.mark.parametrize("name", ["smoothing", "langevin-flow", "latent-sde", "ensemble"])
def test_no_hidden_entry_reaches_its_own_prediction(name: str) -> None:
    """An entry that changes alters predictions of other masks only: its own never saw it."""
    model, masks = models()[name], 3
    drawn = speckles(GAPS, masks)
    before = model.predict_hidden(GAPS, masks)
    assert before is not None
    assert (np.isfinite(before.rates) == (drawn >= 0)).all()
    spikes = np.array(GAPS.spikes)
    spikes[drawn == 1] += 9
    after = model.predict_hidden(GAPS.replace(spikes=spikes), masks)
    assert after is not None
    mine, others = drawn == 1, (drawn >= 0) & (drawn != 1)
    assert np.array_equal(after.rates[mine], before.rates[mine])
    assert not np.array_equal(after.rates[others], before.rates[others])


def copying(trials: TrialSet) -> Prediction:
    """Spikes smoothed by next to nothing: each bin's rate is its own count."""
    counts = gaussian_smooth(np.asarray(trials.spikes, float), 0.004, trials.bin_s)
    rates = np.where(np.isnan(counts), 0.05, counts) / trials.bin_s
    return Prediction(rates + 0.1, trials, hidden_rates=rates + 0.1)


def held_in(prediction: Prediction | None) -> float:
    assert prediction is not None
    return sufficient_statistics(prediction)["held-in bps"].value


def test_true_rates_lie_above_models_and_copying_far_below() -> None:
    true = truth_statistics(TEST, TRAIN)["held-in bps"].value
    smoothing = held_in(Smoothing().fit(TRAIN, VALIDATION).predict_hidden(TEST))
    assert true > smoothing > 0.2 > held_in(hidden_prediction(copying, TEST))
    # what is not hidden can be copied, which beats the truth and means nothing
    assert held_in(copying(TEST)) > 2 * true


def test_true_rates_have_every_score_but_their_own() -> None:
    parts = split_trials(TRIALS.hold_out(6))
    train, test = join_trials(parts.train, parts.validation), parts.test
    found = truth_statistics(test, train)
    assert list(found) == ["co-bps", "held-in bps", "psth R2"]
    window = test.truth[..., test.heldout] * test.bin_s
    expected = bits_per_spike(window, test.spikes[..., test.heldout])
    assert found["co-bps"].value == pytest.approx(expected, rel=1e-6)
    assert truth_statistics(test.replace(truth=None), train) == {}
    unknown = np.array(test.truth)
    unknown[0, 0, 0] = np.nan
    assert truth_statistics(test.replace(truth=unknown), train) == {}
