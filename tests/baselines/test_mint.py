"""`MINT`: planted trials are matched with their condition and their time."""

import warnings

import numpy as np
import pytest

from undertow.baselines import MINT, ConditionAverage
from undertow.baselines.arrays.averages import Averages
from undertow.baselines.latents.regression import heldout_bps
from undertow.data import TrialSet
from undertow.errors import ModelError

BIN_S, CONDITIONS, TIME, NEURONS = 0.02, 4, 30, 24
ONE = {"width_s": 0.02, "window_s": 0.1, "jitter_s": 0.04}


def profile() -> np.ndarray:
    """Rates of each condition, (conditions, time, neurons): one turn of a circle each."""
    rng = np.random.default_rng(5)
    time = np.arange(TIME) / TIME
    angle = 2 * np.pi * (time[None] + np.arange(CONDITIONS)[:, None] / CONDITIONS)
    radius = 1 + 0.3 * np.arange(CONDITIONS)[:, None]
    waves = np.stack([radius * np.cos(angle), radius * np.sin(angle)], -1)
    rates: np.ndarray = 30 * np.exp(waves @ rng.normal(size=(2, NEURONS)) / 1.5)
    return rates


def planted(n_trials: int, shift: int = 0, seed: int = 0, forward: int = 0) -> TrialSet:
    """Trials whose time runs so many bins ahead."""
    rng = np.random.default_rng(seed)
    condition = np.arange(n_trials) % CONDITIONS
    bins = np.clip(np.arange(TIME) + shift, 0, TIME - 1)
    rates = profile()[condition][:, bins]
    place = np.stack([np.cos(bins / 5), np.sin(bins / 5)], -1) * (1 + condition[:, None, None])
    return TrialSet(
        rng.poisson(rates * BIN_S),
        BIN_S,
        condition=condition,
        behavior=place,
        behavior_names=("x", "y"),
        truth=rates,
        forward_bins=forward,
    ).hold_out(6, seed=0)


TRAIN, TEST = planted(80), planted(24, seed=1)


def fit(trials: TrialSet = TRAIN, **settings: object) -> MINT:
    return MINT(**{**ONE, **settings}).fit(trials)  # type: ignore[arg-type]


@pytest.mark.parametrize("estimate", ["interpolate", "average"])
def test_planted_conditions_and_behavior_are_found(estimate: str) -> None:
    model = fit(estimate=estimate)
    found = model.predict(TEST)
    shares = found.latents["condition"]
    np.testing.assert_allclose(shares.sum(-1), 1.0, atol=1e-6)
    assert TEST.condition is not None
    right = shares[:, 3:-3].argmax(-1) == TEST.condition[:, None]
    assert right.mean() > 0.9
    scores = model.score(TEST)
    assert scores["behavior R2"].value > 0.9
    # nearly as well as by who is told the condition, and the time
    told = ConditionAverage(0.02, 1.0).fit(TRAIN).score(TEST)
    for name in ("co-bps", "rate R2"):
        assert scores[name].value > told[name].value - 0.05


def test_planted_times_are_found() -> None:
    """Trials two bins ahead are read two bins later, within half a bin on average."""
    model, ahead = fit(estimate="average"), planted(24, shift=2, seed=2)
    parts = model._matches(model.network_["rates"], 0.2, 0.08, ahead)
    found = [(matched.weights.sum(2) * matched.shifts).sum(-1) for matched in parts]
    assert abs(np.concatenate(found)[:, 3:-6].mean() - 2) < 0.5


def test_the_library_holds_averages_of_all_trials_given() -> None:
    model = fit(added_trials=2.0)
    averages = Averages(TRAIN, 0.02)
    np.testing.assert_allclose(model.network_["rates"], averages.drawn(2.0), rtol=1e-12)
    assert TRAIN.behavior is not None
    for k in range(CONDITIONS):
        own = TRAIN.behavior[TRAIN.condition == k].mean(0)
        np.testing.assert_allclose(model.network_["behavior"][k], own)


def test_missing_behavior_is_that_of_other_trials_then_of_all() -> None:
    behavior = np.array(TRAIN.behavior)
    behavior[0, 3], behavior[TRAIN.condition == 1, 5], behavior[:, 7] = np.nan, np.nan, np.nan
    held = fit(TRAIN.replace(behavior=behavior)).network_["behavior"]
    mine = behavior[TRAIN.condition == 0][1:, 3].mean(0)
    np.testing.assert_allclose(held[0, 3], mine)
    np.testing.assert_allclose(held[1, 5], np.nanmean(behavior[:, 5], 0))
    assert np.isfinite(held).all()


def test_smoothing_window_and_jitter_are_chosen_one_after_the_other() -> None:
    """Jitter first, then window, then width, by co-smoothing of validation trials."""
    widths, windows, jitters = (0.02, 0.1), (0.04, 0.2), (0.02, 0.08)
    train, validation = TRAIN[:64], TRAIN[64:]

    def score(width: float, window: float, jitter: float) -> float:
        model = MINT(width, window, jitter)
        library = Averages(train, width).drawn(1.0)
        parts = model._matches(library, window, jitter, validation)
        return heldout_bps(np.concatenate([each.read(library) for each in parts]), validation)

    jitter = max(jitters, key=lambda value: score(widths[0], windows[0], value))
    window = max(windows, key=lambda value: score(widths[0], value, jitter))
    width = max(widths, key=lambda value: score(value, window, jitter))
    model = MINT(widths, windows, jitters).fit(train, validation)
    assert model.network_["choice"].tolist() == [width, window, jitter]
    nobody = TRAIN.replace(heldout=np.zeros(NEURONS, bool))
    first = MINT(widths, windows, jitters).fit(nobody).network_["choice"]
    assert first.tolist() == [widths[0], windows[0], jitters[0]]


def test_trials_are_matched_as_they_are_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fit()
    whole = model.predict(TEST)
    monkeypatch.setattr("undertow.baselines.mint.AT_ONCE", 1.0)
    alone = model.predict(TEST)
    np.testing.assert_allclose(whole.rates, alone.rates, rtol=1e-6)
    shares = whole.latents["condition"], alone.latents["condition"]
    np.testing.assert_allclose(*shares, atol=1e-6)
    np.testing.assert_allclose(whole.behavior, alone.behavior, atol=1e-9)


def test_forward_bins_go_on_along_the_trajectory() -> None:
    model = fit(planted(80, forward=8))
    test = planted(24, seed=1, forward=8)
    scores = model.score(test)
    assert scores["fp-bps"].value > 0.2
    spikes = np.array(test.spikes)
    spikes[:, -8:], spikes[..., test.heldout] = 50, 50
    changed = model.predict(test.replace(spikes=spikes))
    np.testing.assert_array_equal(changed.rates, model.predict(test).rates)


def test_gaps_and_ends_are_read_from_what_is_near() -> None:
    model, spikes = fit(), np.array(TEST.spikes, float)
    spikes[0, 10:13], spikes[1] = np.nan, np.nan
    lengths = np.full(24, TIME)
    lengths[2] = 12
    found = model.predict(TEST.replace(spikes=spikes, lengths=lengths))
    assert np.isfinite(found.rates[:2]).all()
    assert np.isnan(found.rates[2, 12:]).all()
    assert TEST.truth is not None
    gap = np.corrcoef(found.rates[0, 10:13].ravel(), TEST.truth[0, 10:13].ravel())[0, 1]
    assert gap > 0.9
    short = model.predict(TEST[2:3].select(time=slice(0, 12)))
    np.testing.assert_allclose(found.rates[2, :12], short.rates[0], rtol=1e-5)


def test_longer_trials_go_on_as_the_library_ends() -> None:
    """Matched with its states; a bin far later can be none but the last of them."""
    model = fit(TRAIN.select(time=slice(0, 20)))
    found = model.predict(TEST)
    shares = found.latents["condition"][:, 26].astype(float)
    last = model.network_["rates"][:, -1]
    np.testing.assert_allclose(found.rates[:, 26], shares @ last, rtol=1e-4)


def test_conditions_are_needed_to_learn_and_not_to_predict() -> None:
    model, nameless = fit(), TEST.replace(condition=None)
    np.testing.assert_array_equal(model.predict(nameless).rates, model.predict(TEST).rates)
    with pytest.raises(ModelError, match="the trials have no conditions: MINT's library"):
        fit(TRAIN.replace(condition=None))


def test_categorical_behavior_is_not_read() -> None:
    steps = TRAIN.replace(
        behavior=(TRAIN.behavior > 0).astype(float),  # type: ignore[operator]
        behavior_kind="categorical",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fit(steps).predict(steps).behavior is None
    assert MINT().unused_signals(steps) == ["MINT does not use categorical behaviour."]


def test_settings_and_trials_that_break_a_rule_are_refused() -> None:
    for wrong, words in (
        ({"estimate": "best"}, "estimate is 'best'"),
        ({"added_trials": -1.0}, "added_trials is -1"),
        ({"jitter_s": -0.1}, "jitter_s is -0.1"),
    ):
        with pytest.raises(ModelError, match=words):
            fit(**wrong)
    spikes = np.array(TRAIN.spikes)
    spikes[64:][..., TRAIN.heldout] = 0
    silent = TRAIN.replace(spikes=spikes)
    with pytest.raises(ModelError, match="no held-out neuron spikes in the validation trials"):
        MINT().fit(silent[:64], silent[64:])
    with pytest.raises(ModelError, match="MINT has no posterior"):
        fit().predict(TEST, samples=2)
