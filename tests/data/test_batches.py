"""`Batch`: the masks against the TrialSet, entry by entry."""

import numpy as np
import pytest
import torch

from undertow.data import TrialSet
from undertow.data.batches import Batch

TRIALS, BINS, NEURONS, FORWARD = 5, 8, 4, 2
LENGTHS = np.array([8, 8, 7, 5, 1])


@pytest.fixture
def trials() -> TrialSet:
    """Unequal lengths, forward bins, a held-out neuron; one bin unobserved, one only by held-in
    neurons."""
    spikes = np.random.default_rng(0).poisson(1.0, (TRIALS, BINS, NEURONS)).astype(float) + 1
    spikes[0, 2] = np.nan  # no neuron
    spikes[1, 3, [0, 2, 3]] = np.nan  # the held-out neuron alone
    spikes[1, 4, 0] = np.nan  # one held-in neuron is missing
    heldout = np.array([False, True, False, False])
    return TrialSet(spikes, 0.02, lengths=LENGTHS, heldout=heldout, forward_bins=FORWARD)


def test_inputs_are_held_in_counts_of_the_window_zero_where_unseen(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials)
    assert batch.heldin.tolist() == [0, 2, 3]
    for trial in range(TRIALS):
        for t in range(BINS):
            seen = np.nan_to_num(trials.spikes[trial, t, [0, 2, 3]])
            expected = seen if t < BINS - FORWARD else np.zeros(3)
            assert batch.inputs[trial, t].tolist() == expected.tolist()


def test_masks_say_what_is_observed_and_what_exists(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials)
    for trial in range(TRIALS):
        for t in range(BINS):
            inside, window = t < LENGTHS[trial], t < BINS - FORWARD
            any_seen = bool(np.isfinite(trials.spikes[trial, t, [0, 2, 3]]).any())
            observed = inside and window and any_seen
            assert bool(batch.observed[trial, t]) == observed
            assert bool(batch.valid[trial, t]) == (observed or (inside and not window))
    assert not batch.observed[0, 2]
    assert not batch.observed[1, 3]
    assert batch.observed[1, 4]


def test_targets_are_the_counts_and_time_is_in_seconds(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials, dtype=torch.float64)
    assert np.array_equal(batch.targets.numpy(), trials.spikes, equal_nan=True)
    assert np.allclose(batch.time_s.numpy(), (np.arange(BINS) + 0.5) * 0.02)
    assert batch.lengths.tolist() == LENGTHS.tolist()
    assert batch.inputs.dtype == torch.float64
    assert len(batch) == TRIALS


def test_held_out_and_forward_counts_reach_nothing_but_the_targets(trials: TrialSet) -> None:
    spikes = np.array(trials.spikes)
    spikes[:, :, 1], spikes[:, BINS - FORWARD :] = np.nan, 99
    one, other = Batch.from_trials(trials), Batch.from_trials(trials.replace(spikes=spikes))
    for name in ("inputs", "observed", "valid", "lengths"):
        assert torch.equal(getattr(one, name), getattr(other, name)), name


def test_minibatches_hold_every_trial_once_and_differ_in_size_by_one(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials)
    for size in (1, 2, 3, 4, 5, 50):
        parts = list(batch.shuffled(size, torch.Generator().manual_seed(0)))
        sizes = [len(part) for part in parts]
        assert sum(sizes) == TRIALS
        assert max(sizes) <= size
        assert max(sizes) - min(sizes) <= 1
        seen = torch.cat([part.inputs for part in parts]).flatten(1).tolist()
        assert sorted(seen) == sorted(batch.inputs.flatten(1).tolist())


def test_the_generator_decides_the_order(trials: TrialSet) -> None:
    batch = Batch.from_trials(trials)
    order = lambda seed: [  # noqa: E731
        part.lengths.tolist() for part in batch.shuffled(2, torch.Generator().manual_seed(seed))
    ]
    assert order(1) == order(1)
    assert len({str(order(seed)) for seed in range(5)}) > 1
