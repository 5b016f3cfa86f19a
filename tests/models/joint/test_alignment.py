"""Read-ins start at channels that mean the same: planted latents are found in sessions of other
neurons."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.models.joint.planted import BIN_S, N_TIME, latents, session
from undertow.data import TrialSet
from undertow.encoders import ReadIn
from undertow.models.joint.alignment import (
    Alignment,
    common_conditions,
    condition_averages,
    start_read_in,
)

MANY = {"a": session(120, 40, seed=0), "b": session(90, 30, seed=1)}
FOUND = Alignment.of(MANY, 64)


def channels(trials: TrialSet, alignment: Alignment | None, n: int = 6) -> np.ndarray:
    """What a read-in of n channels gives at the start, (trials, time, channels)."""
    read_in = ReadIn(int((~trials.heldout).sum()), n)
    start_read_in(read_in, trials, alignment, torch.Generator().manual_seed(0))
    counts = torch.from_numpy(trials.spikes[:, :, ~trials.heldout]).float()
    with torch.no_grad():
        return np.asarray(read_in(counts))


def averaged(values: np.ndarray, trials: TrialSet) -> np.ndarray:
    """Condition averages of channels."""
    assert trials.condition is not None
    return np.stack([values[trials.condition == k].mean(0) for k in range(3)])


def test_few_components_explain_what_two_latents_drive() -> None:
    assert FOUND is not None
    assert FOUND.conditions == [0, 1, 2]
    n = FOUND.targets.shape[-1]
    assert FOUND.targets.shape == (3, N_TIME, n)
    assert 2 <= n <= 6  # the exponential of two latents has a few harmonics
    flat = FOUND.targets.reshape(-1, n)
    assert np.allclose(flat.mean(0), 0, atol=1e-9)
    assert np.allclose(flat.std(0), 1)
    path, condition = latents(300, 9)
    planted = np.stack([path[condition == k].mean(0) for k in range(3)]).reshape(-1, 2)
    weights = np.linalg.lstsq(flat, planted, rcond=None)[0]
    left = planted - flat @ weights
    assert 1 - np.sum(left**2) / np.sum(planted**2) > 0.95


def test_aligned_channels_mean_the_same_in_both_sessions() -> None:
    assert FOUND is not None
    n = FOUND.targets.shape[-1]
    a, b = (averaged(channels(each, FOUND), each) for each in MANY.values())
    for k in range(min(n, 2)):
        assert np.corrcoef(a[..., k].ravel(), b[..., k].ravel())[0, 1] > 0.9
    c, d = (averaged(channels(each, None), each) for each in MANY.values())
    alike = [np.corrcoef(c[..., k].ravel(), d[..., k].ravel())[0, 1] for k in range(6)]
    assert np.mean(np.abs(alike)) < 0.9


def test_channels_start_at_mean_0_and_variance_1() -> None:
    for trials in MANY.values():
        read = channels(trials, FOUND, 200)
        n = int((~trials.heldout).sum())
        # of a channel of random weights the variance is 1 on average over weights, within √(2/n)
        # for independent neurons; shared latents widen that
        assert read.var((0, 1)).mean() == pytest.approx(1, abs=5 * np.sqrt(2 / n))
        assert np.abs(read.mean((0, 1))).max() < 0.35


def test_further_inputs_start_at_nothing() -> None:
    trials = MANY["a"]
    n = int((~trials.heldout).sum())
    read_in = ReadIn(2 * n, 4)  # counts and, beside them, which of them are known
    start_read_in(read_in, trials, FOUND, torch.Generator().manual_seed(0))
    assert not read_in.linear.weight[:, n:].any()
    assert read_in.linear.weight[:, :n].any()


def test_missing_bins_and_silent_neurons_do_no_harm() -> None:
    trials = MANY["a"]
    spikes = trials.spikes.astype(float)
    spikes[1:, :, 3] = 0  # one trial's spikes are all there are
    spikes[::3, 4] = np.nan
    broken = TrialSet(spikes, BIN_S, condition=trials.condition, heldout=trials.heldout)
    found = Alignment.of({"a": broken, "b": MANY["b"]}, 64)
    assert found is not None
    weights, offsets = found.read_in(broken)
    assert np.isfinite(weights).all()
    assert np.isfinite(offsets).all()
    read_in = ReadIn(int((~trials.heldout).sum()), 4)
    start_read_in(read_in, broken, found, torch.Generator().manual_seed(0))
    assert torch.isfinite(read_in.linear.weight).all()


def test_conditions_in_common_have_two_trials_in_each() -> None:
    a, b = MANY["a"], MANY["b"]
    assert a.condition is not None
    once = np.where(a.condition == 2, 3, a.condition)
    once[0] = 2
    other = TrialSet(a.spikes, BIN_S, condition=once, heldout=a.heldout)
    assert common_conditions([a, b]) == [0, 1, 2]
    assert common_conditions([other, b]) == [0, 1]
    plain = TrialSet(a.spikes, BIN_S)
    assert common_conditions([plain, b]) == [None]
    elsewhere = TrialSet(b.spikes, BIN_S, condition=np.full(len(b), "x"))
    assert common_conditions([a, elsewhere]) == [None]


def test_averages_are_those_of_trials() -> None:
    trials = session(60, 5, seed=3)
    whole = condition_averages(trials, [None], N_TIME)
    kept = trials.spikes[:, :, ~trials.heldout]
    assert whole.shape == (1, N_TIME, 3)
    assert whole.mean() == pytest.approx(kept.mean(), rel=0.05)  # a kernel keeps the mean, about
    one = condition_averages(trials, [1], N_TIME)[0]
    raw = kept[np.asarray(trials.condition) == 1].mean(0)
    assert np.abs(one - raw).mean() < 0.5 * raw.std()


def test_windows_that_begin_apart_are_not_aligned() -> None:
    late = replace(session(30, 6, seed=2), start_s=0.1)
    assert Alignment.of({"a": MANY["a"], "late": late}, 8) is None
    assert FOUND is not None
    assert not FOUND.fits(late)
    assert FOUND.fits(session(30, 6, seed=2))
    unknown = TrialSet(late.spikes, BIN_S, condition=np.full(30, 7), heldout=late.heldout)
    assert not FOUND.fits(unknown)
    bare = TrialSet(late.spikes, BIN_S, heldout=late.heldout)
    assert not FOUND.fits(bare)


def test_rates_that_do_not_change_have_no_components() -> None:
    still = TrialSet(np.ones((6, 5, 4)), BIN_S)
    assert Alignment.of({"a": still, "b": still}, 8) is None
