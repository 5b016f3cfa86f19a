"""Averages as predictions: by hand, and what is chosen on validation trials alone."""

import numpy as np
import pytest

from undertow.baselines import ConditionAverage, GainedAverage
from undertow.baselines.arrays.averages import Averages
from undertow.data import TrialSet
from undertow.errors import ModelError

BIN_S = 0.1
NARROW_S = 1e-3


def trials(seed: int = 0, gain_std: float = 0.0) -> TrialSet:
    """60 trials × 10 bins × 6 neurons of 3 conditions with profiles and gains of their own."""
    rng = np.random.default_rng(seed)
    condition = np.arange(60) % 3
    profile = np.random.default_rng(9).gamma(4.0, 5.0, (3, 10, 6))
    gain = np.exp(gain_std * rng.normal(size=(60, 1, 1)))
    spikes = rng.poisson(profile[condition] * gain * BIN_S)
    names = np.array(["left", "right", "up"])[condition]
    return TrialSet(spikes, BIN_S, condition=names).hold_out(2, seed=0)


def test_a_trial_is_predicted_as_the_average_of_its_condition() -> None:
    data = trials()
    model = ConditionAverage(NARROW_S, 1.0).fit(data[:30], data[30:45])
    averages = Averages(data[:45], NARROW_S)
    prediction = model.predict(data[45:])
    for trial, name in enumerate(data[45:].condition):  # type: ignore[arg-type]
        place = averages.names.tolist().index(name)
        np.testing.assert_allclose(prediction.rates[trial], averages.drawn(1.0)[place], rtol=1e-6)


def test_unknown_conditions_and_trials_without_get_the_average_of_all() -> None:
    data = trials()
    model = ConditionAverage(NARROW_S, 1.0).fit(data[:45])
    overall = Averages(data[:45], NARROW_S).overall
    strange = data[45:].replace(condition=["down", *["left"] * 14])
    rates = model.predict(strange).rates
    # the validation trials it split off are averaged, too: all 45
    np.testing.assert_allclose(rates[0], overall, rtol=1e-6)
    assert not np.allclose(rates[1], overall, rtol=1e-2)
    without = model.predict(data[45:].replace(condition=None)).rates
    np.testing.assert_allclose(without, np.stack([overall] * 15), rtol=1e-6)
    anyone = ConditionAverage(NARROW_S, 1.0).fit(data[:45].replace(condition=None))
    np.testing.assert_allclose(anyone.predict(data[45:]).rates[0], overall, rtol=1e-6)


def test_the_choice_is_the_likeliest_on_validation_trials() -> None:
    """By hand: held-out spikes of the validation trials, Σ e − y ln e at each point."""
    data = trials()
    train, validation = data[:30], data[30:45]
    widths, added = (NARROW_S, 0.2), (0.3, 30.0)
    losses = {}
    for width in widths:
        for n in added:
            averages = Averages(train, width)
            places = [averages.names.tolist().index(c) for c in validation.condition]  # type: ignore[union-attr]
            expected = averages.drawn(n)[places][..., data.heldout] * BIN_S
            counts = validation.spikes[..., data.heldout]
            losses[width, n] = float((expected - counts * np.log(expected)).sum())
    model = ConditionAverage(widths, added).fit(train, validation)
    chosen = tuple(model.network_["choice"][:2])
    assert chosen == min(losses, key=losses.__getitem__)


def test_a_gain_is_the_trials_spikes_over_those_expected() -> None:
    """(s + κ) / (e + κ) of held-in spikes in the window, missing ones left out of both."""
    data = trials(gain_std=0.5)
    model = GainedAverage(NARROW_S, 20.0).fit(data[:45])
    spikes = np.array(data[45:].spikes, float)
    spikes[0, 2:5], spikes[1, :, 0] = np.nan, np.nan
    test = data[45:].replace(spikes=spikes, forward_bins=2)
    model_forward = GainedAverage(NARROW_S, 20.0).fit(data[:45].replace(forward_bins=2))
    overall = Averages(data[:45], NARROW_S).overall
    rates = model_forward.predict(test).rates
    for trial in range(15):
        own = spikes[trial, :8][:, ~data.heldout]
        seen = np.isfinite(own)
        expected = (overall[:8][:, ~data.heldout] * seen).sum() * BIN_S
        gain = (np.nansum(own) + 20.0) / (expected + 20.0)
        np.testing.assert_allclose(rates[trial], gain * overall, rtol=1e-5)
    assert model.network_["choice"][2] == 20.0


def test_gains_tell_where_trials_differ_in_gain_and_only_there() -> None:
    for gain_std, better in ((0.5, True), (0.0, False)):
        data = trials(gain_std=gain_std)
        scores = [
            cls().fit(data[:45]).score(data[45:])["co-bps"].value
            for cls in (GainedAverage, ConditionAverage)
        ]
        assert (scores[0] > scores[1]) == better


def test_kappa_and_width_do_not_depend_on_other_trials() -> None:
    """Permuting test trials changes nothing; permuting validation trials may change the choice."""
    data = trials(gain_std=0.5)
    rng = np.random.default_rng(0)
    spikes = np.array(data.spikes)
    spikes[45:] = rng.permuted(spikes[45:], axis=1)
    again = data.replace(spikes=spikes)
    a, b = (GainedAverage().fit(each[:30], each[30:45]).network_ for each in (data, again))
    assert all(np.array_equal(a[name], b[name]) for name in ("overall", "each", "choice"))
    flat = np.array(data.spikes)
    flat[30:45] = np.sort(flat[30:45], axis=0)[:, ::-1]
    lopsided = data.replace(spikes=flat)
    other = GainedAverage().fit(lopsided[:30], lopsided[30:45]).network_
    assert not np.array_equal(a["choice"], other["choice"])


def test_settings_that_break_a_rule_are_refused() -> None:
    data = trials()
    with pytest.raises(ModelError, match="width_s is 0"):
        ConditionAverage(width_s=0.0).fit(data)
    with pytest.raises(ModelError, match="added_trials is -1"):
        ConditionAverage(added_trials=-1.0).fit(data)
    with pytest.raises(ModelError, match="added_spikes is"):
        GainedAverage(added_spikes=()).fit(data)
    with pytest.raises(ModelError, match="GainedAverage has no posterior"):
        GainedAverage().fit(data).predict(data, samples=1)
