"""`SpikeRidge` beside scikit-learn's ridge regression."""

import warnings

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from tests.conftest import make_small_trials
from undertow.baselines import SpikeRidge
from undertow.baselines.arrays.averages import LEAST_SHARE
from undertow.baselines.ridge import PENALTIES
from undertow.data import TrialSet
from undertow.errors import ModelError
from undertow.evaluation.metrics.psth import gaussian_smooth

LAGS, WIDTH_S = 2, 0.03
TRIALS = make_small_trials(n_trials=60).replace(forward_bins=4).hold_out(3, seed=0)
TRAIN, TEST = TRIALS[:45], TRIALS[45:]
WINDOW = 16


def fit(trials: TrialSet = TRAIN, **settings: float) -> SpikeRidge:
    return SpikeRidge(WIDTH_S, LAGS).copy(**settings).fit(trials)


def features(trials: TrialSet) -> np.ndarray:
    """√ smoothed held-in counts in the bins near each bin of the window, forward ones as usual."""
    heldin = ~trials.heldout
    smooth = gaussian_smooth(trials.spikes[:, :WINDOW][..., heldin].astype(float), WIDTH_S, 0.02)
    mean = TRAIN.spikes[:, :WINDOW][..., heldin].mean((0, 1))
    level = np.broadcast_to(mean, (len(trials), 4, heldin.sum()))
    roots = np.sqrt(np.concatenate([smooth, level], 1))
    padded = np.concatenate([roots[:, :1]] * LAGS + [roots] + [roots[:, -1:]] * LAGS, 1)
    near = [padded[:, k : k + 20] for k in range(2 * LAGS + 1)]
    made: np.ndarray = np.concatenate(near, -1)
    return made


def best(x: np.ndarray, y: np.ndarray) -> Ridge:
    """The penalty under which each row is predicted best by a fit on the others, by refitting."""
    losses = {}
    for penalty in PENALTIES:
        left = np.mean([_missed(x, y, k, penalty) for k in range(len(x))])
        losses[penalty] = left
    return Ridge(alpha=min(losses, key=losses.__getitem__)).fit(x, y)


def _missed(x: np.ndarray, y: np.ndarray, k: int, penalty: float) -> float:
    others = np.arange(len(x)) != k
    fitted = Ridge(alpha=penalty).fit(x[others], y[others])
    return float(np.square(fitted.predict(x[k : k + 1]) - y[k]).sum())


def test_behavior_and_rates_are_those_of_scikit_learn() -> None:
    """With the penalty that it chose itself, one of the list; rates have a floor."""
    model = fit()
    assert TRAIN.behavior is not None
    x = features(TRAIN)[:, :WINDOW].reshape(-1, 7 * 5)
    found = model.predict(TEST)
    behavior = TRAIN.behavior[:, :WINDOW].reshape(-1, 2)
    test = features(TEST)
    shown = test.reshape(-1, 35)
    candidates = [Ridge(alpha=a).fit(x, behavior).predict(shown) for a in PENALTIES]
    assert found.behavior is not None
    gaps = [np.abs(each.reshape(15, 20, 2) - found.behavior).max() for each in candidates]
    assert min(gaps) < 1e-5
    counts = TRAIN.spikes[:, :WINDOW].reshape(-1, 10) / 0.02
    floor = LEAST_SHARE * TRAIN.spikes[:, :WINDOW].mean((0, 1)) / 0.02
    wanted = [Ridge(alpha=a).fit(x, counts).predict(shown) for a in PENALTIES]
    near = [np.maximum(each, floor).reshape(15, 20, 10)[:, :WINDOW] for each in wanted]
    assert min(np.abs(each - found.rates[:, :WINDOW]).max() for each in near) < 1e-3
    forward = TRAIN.spikes[:, WINDOW:].mean((0, 1)) / 0.02
    np.testing.assert_allclose(found.rates[2, 18], forward, rtol=1e-5)


def test_the_penalty_is_chosen_by_leaving_out_rows_of_training_trials() -> None:
    """Generated behaviour: few enough rows that each is left out in earnest."""
    model = fit()
    assert TRAIN.behavior is not None
    x = np.sqrt(TRAIN.spikes[:, :5][..., ~TRAIN.heldout].sum(1))
    reference = best(x, TRAIN.behavior.reshape(45, -1))
    generated = model.predict_generated(TEST)
    assert generated is not None
    assert generated.seen_bins == 5
    first = np.sqrt(TEST.spikes[:, :5][..., ~TEST.heldout].sum(1))
    wanted = reference.predict(first).reshape(15, 20, 2)
    np.testing.assert_allclose(generated.prediction.behavior, wanted, atol=1e-5)
    mean = TRAIN.spikes[:, :WINDOW].mean((0, 1)) / 0.02
    np.testing.assert_allclose(generated.prediction.rates[3, 7], mean, rtol=1e-5)


def test_generation_sees_held_in_spikes_of_the_first_bins_alone() -> None:
    model, spikes = fit(), np.array(TEST.spikes)
    spikes[:, 5:], spikes[..., TEST.heldout] = 30, 30
    a, b = (model.predict_generated(each) for each in (TEST, TEST.replace(spikes=spikes)))
    assert a is not None
    assert b is not None
    np.testing.assert_array_equal(a.prediction.behavior, b.prediction.behavior)
    spikes[:, 0] = 30
    c = model.predict_generated(TEST.replace(spikes=spikes))
    assert c is not None
    assert not np.array_equal(a.prediction.behavior, c.prediction.behavior)


def test_behavior_is_read_well_and_missing_behavior_does_no_harm() -> None:
    assert TRAIN.behavior is not None
    behavior = np.array(TRAIN.behavior)
    behavior[::3, 4:9], behavior[5] = np.nan, np.nan
    for trials in (TRAIN, TRAIN.replace(behavior=behavior)):
        model = fit(trials)
        scores = model.score(TEST.replace(forward_bins=0))
        assert scores["behavior R2"].value > 0.6
        assert scores["generated behavior R2"].value > 0.1


def test_trials_without_continuous_behavior_have_rates_alone() -> None:
    for trials in (
        TRAIN.replace(behavior=None, behavior_names=()),
        TRAIN.replace(behavior=(TRAIN.behavior > 0).astype(float), behavior_kind="categorical"),  # type: ignore[operator]
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = SpikeRidge(WIDTH_S, LAGS).fit(trials)
        assert model.predict(trials).behavior is None
        assert model.predict_generated(trials) is None
    assert model.unused_signals(trials) == ["SpikeRidge does not use categorical behaviour."]


def test_settings_that_break_a_rule_are_refused() -> None:
    for wrong, words in (
        ({"width_s": 0.0}, "width_s is 0"),
        ({"lags": -1}, "lags is -1"),
        ({"initial_s": 0.0}, "initial_s is 0"),
    ):
        with pytest.raises(ModelError, match=words):
            fit(**wrong)
    with pytest.raises(ModelError, match="SpikeRidge has no posterior"):
        fit().predict(TEST, samples=2)
