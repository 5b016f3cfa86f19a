"""`Batch`: stimulus, behaviour, labels and times against the TrialSet, entry by entry."""

import numpy as np
import pytest
import torch

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.data.label_codes import label_categories

TRIALS, BINS = 6, 5
LENGTHS = np.array([5, 5, 3, 1, 4, 5])
CHOICE = np.array(["left", "right", "", "left", "right", "right"])


def trials_with_all(**changes: object) -> TrialSet:
    """Irregular times, unequal lengths; stimulus, behaviour and labels partly missing."""
    rng = np.random.default_rng(1)
    stimulus, behavior = rng.normal(size=(TRIALS, BINS, 2)), rng.normal(size=(TRIALS, BINS, 3))
    stimulus[1, 2, 0], behavior[0, 1] = np.nan, np.nan
    trials = TrialSet(
        rng.poisson(1.0, (TRIALS, BINS, 4)) + 1,
        0.02,
        start_s=-0.1,
        lengths=LENGTHS,
        stimulus=stimulus,
        behavior=behavior,
        labels={"choice": CHOICE, "reward": [0, 1, 1, 0, 0, 1]},
        times=-0.1 + np.cumsum(rng.uniform(0.01, 0.1, (TRIALS, BINS)), axis=1),
    )
    return trials.replace(**changes)


def test_signals_are_those_of_the_trials_nan_where_missing_and_past_the_end() -> None:
    trials = trials_with_all()
    batch = Batch.from_trials(trials, dtype=torch.float64)
    for name in ("stimulus", "behavior"):
        values = getattr(batch, name)
        assert values.dtype == torch.float64
        np.testing.assert_array_equal(values.numpy(), getattr(trials, name))
        for trial, length in enumerate(LENGTHS):
            assert values[trial, length:].isnan().all()
            assert not batch.valid[trial, length:].any()
    assert batch.stimulus is not None
    assert batch.stimulus[1, 2, 0].isnan()


def test_a_bare_set_holds_none_of_them_and_shares_its_times() -> None:
    batch = Batch.from_trials(TrialSet(np.ones((TRIALS, BINS, 4)), 0.02, start_s=3.0))
    assert batch.stimulus is None
    assert batch.behavior is None
    assert batch.irregular_times_s is None
    assert batch.labels == {}
    assert batch.times_s.shape == (1, BINS)
    np.testing.assert_allclose(batch.times_s[0], (np.arange(BINS) + 0.5) * 0.02, rtol=1e-6)


def test_irregular_times_start_with_the_window_and_stay_finite() -> None:
    trials = trials_with_all()
    batch = Batch.from_trials(trials, dtype=torch.float64)
    assert batch.times_s.shape == (TRIALS, BINS)
    assert batch.times_s.isfinite().all()
    assert (batch.times_s.diff(dim=1) > 0).all()
    for trial, length in enumerate(LENGTHS):
        np.testing.assert_allclose(
            batch.times_s[trial, :length], trials.times[trial, :length] + 0.1
        )


@pytest.mark.parametrize("shift_s", [-2.0, 0.7, 1000.0])
def test_moving_the_event_changes_nothing(shift_s: float) -> None:
    trials = trials_with_all()
    moved = trials.replace(start_s=trials.start_s + shift_s, times=trials.times + shift_s)
    one, other = (Batch.from_trials(each, dtype=torch.float64) for each in (trials, moved))
    torch.testing.assert_close(one.times_s, other.times_s, rtol=0, atol=1e-9)
    regular = trials.replace(times=None)
    later = regular.replace(start_s=shift_s)
    assert torch.equal(Batch.from_trials(regular).times_s, Batch.from_trials(later).times_s)


def test_a_regular_grid_given_as_times_gives_the_same_times() -> None:
    regular = trials_with_all(times=None, lengths=[BINS] * TRIALS, stimulus=None, behavior=None)
    given_times = regular.replace(times=regular.observation_times_s)
    one, other = (Batch.from_trials(each, dtype=torch.float64) for each in (regular, given_times))
    torch.testing.assert_close(one.times_s.expand(TRIALS, -1), other.times_s, rtol=0, atol=1e-12)


def test_codes_follow_the_categories_given_and_only_those() -> None:
    trials = trials_with_all()
    categories = label_categories(trials, ["choice"])
    assert Batch.from_trials(trials, label_categories=categories).labels["choice"].tolist() == [
        0,
        1,
        -1,
        0,
        1,
        1,
    ]
    part = Batch.from_trials(trials[[1, 4]], label_categories=categories)
    assert part.labels["choice"].tolist() == [1, 1]  # not 0, though 'right' is all this part holds
    assert list(part.labels) == ["choice"]
    assert part.labels["choice"].dtype == torch.long
    bare = Batch.from_trials(trials.replace(labels=None), label_categories=categories)
    assert bare.labels["choice"].tolist() == [-1] * TRIALS


def test_taking_and_shuffling_carry_everything_together() -> None:
    trials = trials_with_all()
    batch = Batch.from_trials(trials, label_categories=label_categories(trials))
    chosen = batch.take(torch.tensor([4, 0]))
    direct = Batch.from_trials(trials[[4, 0]], label_categories=label_categories(trials))
    same(chosen, direct)
    parts = list(batch.shuffled(4, torch.Generator().manual_seed(0)))
    order = torch.randperm(TRIALS, generator=torch.Generator().manual_seed(0))
    for part, index in zip(parts, order.tensor_split(2), strict=True):
        same(part, batch.take(index))


def same(one: Batch, other: Batch) -> None:
    for name in (
        "inputs",
        "targets",
        "observed",
        "valid",
        "lengths",
        "stimulus",
        "behavior",
        "times_s",
        "heldin",
    ):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
    assert set(one.labels) == set(other.labels) == {"choice", "reward"}
    for name, codes in one.labels.items():
        assert codes.tolist() == other.labels[name].tolist()
    assert one.forward_bins == other.forward_bins
