"""What paths are inferred from: held-in spikes of the window, or everything."""

import numpy as np
import torch

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.models.em import Given

CPU = torch.device("cpu")


def trials() -> TrialSet:
    """3 trials × 6 bins × 4 neurons, the last held out, 2 forward bins, gaps, one trial shorter."""
    rng = np.random.default_rng(0)
    spikes = rng.poisson(2.0, (3, 6, 4)).astype(float)
    spikes[0, 1], spikes[1, 2, 0] = np.nan, np.nan
    return TrialSet(
        spikes,
        0.02,
        lengths=np.array([6, 6, 3]),
        forward_bins=2,
        heldout=np.array([False, False, False, True]),
        stimulus=rng.normal(size=(3, 6, 1)),
    )


def test_predictions_see_held_in_neurons_in_the_window_alone() -> None:
    data = trials()
    given = Given.of(Batch.from_trials(data, CPU))
    wanted = np.isfinite(data.spikes)
    wanted[..., 3], wanted[:, 4:], wanted[2, 3:] = False, False, False
    assert np.array_equal(given.seen.numpy() > 0, wanted)
    counts = np.where(wanted, data.spikes, 0.0)
    assert np.array_equal(given.counts.numpy(), counts)
    assert given.counts.dtype == torch.float64
    assert np.array_equal(given.inside.numpy(), data.valid)


def test_learning_sees_everything_that_was_observed() -> None:
    data = trials()
    given = Given.of(Batch.from_trials(data, CPU), everything=True)
    wanted = np.isfinite(data.spikes) & data.valid[..., None]
    assert np.array_equal(given.seen.numpy() > 0, wanted)
    assert np.array_equal(given.counts.numpy(), np.where(wanted, data.spikes, 0.0))


def test_inputs_are_the_stimulus_and_the_share_of_the_time_gone() -> None:
    data = trials()
    batch = Batch.from_trials(data, CPU)
    given = Given.of(batch, duration_s=0.12)
    assert given.inputs is not None
    assert data.stimulus is not None
    inside = data.valid
    np.testing.assert_allclose(given.inputs[inside][:, 0], data.stimulus[inside][:, 0], rtol=1e-6)
    assert (given.inputs[2, 3:, 0] == given.inputs[2, 2, 0]).all()  # it goes on past the end
    np.testing.assert_allclose(given.inputs[1, :, 1], (np.arange(6) + 0.5) / 6, rtol=1e-6)
    bare = Batch.from_trials(data.replace(stimulus=None), CPU)
    assert Given.of(bare).inputs is None


def test_parts_are_taken_by_trials_and_by_first_bins() -> None:
    given = Given.of(Batch.from_trials(trials(), CPU))
    some, first = given.take(slice(1, 3)), given.first(4)
    assert len(given) == 3
    assert len(some) == 2
    assert torch.equal(some.counts, given.counts[1:])
    assert torch.equal(first.seen, given.seen[:, :4])
    assert first.inputs is not None
    assert first.inputs.shape == (3, 4, 1)
