"""Counts are held once: what is read-only, side by side or only looked at is never copied."""

import numpy as np
import pytest
import torch

from undertow.data import TrialSet, join_trials, split_trials, split_validation
from undertow.data.batches import Batch, batches
from undertow.data.counts import totals
from undertow.data.joining import side_by_side
from undertow.data.sharing import sealed


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    rng = np.random.default_rng(0)
    spikes = rng.poisson(1.0, (40, 6, 5)).astype(np.float32)
    spikes[3, 2, 1] = np.nan
    return TrialSet(spikes, 0.02, condition=np.arange(40) % 4, forward_bins=2).hold_out(2)


def test_a_set_made_from_another_shares_its_counts(trials: TrialSet) -> None:
    for made in (trials.hold_out(1), trials.replace(labels=None), trials[:10], trials[5:]):
        assert np.shares_memory(made.spikes, trials.spikes)


def test_what_someone_could_write_to_is_copied() -> None:
    mine = np.ones((4, 3, 2), np.float32)
    view = mine[:2]
    view.flags.writeable = False  # the array it looks into is not
    whole, part = TrialSet(mine, 0.02), TrialSet(view, 0.02)
    mine[:] = 7
    assert (whole.spikes == 1).all()
    assert (part.spikes == 1).all()


def test_a_sealed_array_is_taken_as_it_is() -> None:
    counts = sealed(np.ones((4, 3, 2), np.float32))
    assert TrialSet(counts, 0.02).spikes is counts
    with pytest.raises(ValueError, match="read-only"):
        counts[0] = 1


def test_parts_of_a_split_are_joined_without_a_copy(trials: TrialSet) -> None:
    for train, validation in (split_trials(trials)[:2], split_validation(trials)):
        joined = join_trials(train, validation)
        assert np.shares_memory(joined.spikes, train.spikes)
        for name in ("spikes", "condition", "trial_ids"):
            expected = np.concatenate([getattr(train, name), getattr(validation, name)])
            np.testing.assert_array_equal(getattr(joined, name), expected)


def test_parts_that_do_not_lie_side_by_side_are_copied(trials: TrialSet) -> None:
    train, validation, test = split_trials(trials)
    for parts in ((validation, train), (train, test), (train, train), (trials, validation)):
        joined = side_by_side([each.spikes for each in parts])
        np.testing.assert_array_equal(joined, np.concatenate([each.spikes for each in parts]))
        assert not joined.flags.writeable


def test_a_batch_looks_into_the_trials_and_makes_inputs_when_asked(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials)
    assert batch.targets.data_ptr() == trials.spikes.ctypes.data
    before = np.array(trials.spikes)
    shown = torch.tensor(before[:, :, ~trials.heldout]).nan_to_num(0.0)
    shown[:, 4:] = 0.0
    assert torch.equal(batch.inputs, shown)
    np.testing.assert_array_equal(trials.spikes, before)
    few = batch.take(torch.tensor([5, 3]))
    assert torch.equal(few.inputs, shown[[5, 3]])


def test_batches_hold_a_few_trials_at_a_time(trials: TrialSet) -> None:
    found = list(batches(trials, Batch.from_trials, 15))
    assert [len(batch) for _, batch in found] == [15, 15, 10]
    for rows, batch in found:
        np.testing.assert_array_equal(batch.targets.numpy(), trials.spikes[rows])


def test_totals_go_block_by_block(trials: TrialSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertow.memory.BLOCK_BYTES", 1000)
    total, observed = totals(trials.spikes)
    np.testing.assert_array_equal(total, np.nansum(trials.spikes, axis=(0, 1)))
    np.testing.assert_array_equal(observed, np.isfinite(trials.spikes).sum(axis=(0, 1)))
