"""`trials[i, t, n]`: what NumPy's indexing of each axis gives, and always a TrialSet."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.data import TrialSet
from undertow.errors import DataError

N_TRIALS, N_TIME, N_NEURONS = 4, 6, 3


def trials(**fields: Any) -> TrialSet:
    counts = np.arange(N_TRIALS * N_TIME * N_NEURONS).reshape(N_TRIALS, N_TIME, N_NEURONS)
    defaults = {
        "condition": ["a", "b", "a", "b"],
        "region": ["M1", "PMd", "M1"],
        "behavior": counts[:, :, :2] / 2,
        "labels": {"choice": [0, 1, 1, 0]},
    }
    return TrialSet(counts, 0.01, **{**defaults, **fields})


def some_of(n: int) -> st.SearchStrategy[Any]:
    """An index, a list of indices, a mask or a slice that leaves at least one of `n`."""
    return st.one_of(
        st.integers(-n, n - 1),
        st.lists(st.integers(0, n - 1), min_size=1, unique=True),
        st.lists(st.booleans(), min_size=n, max_size=n).filter(any).map(np.array),
        st.slices(n).filter(lambda part: len(np.arange(n)[part]) > 0),
    )


def stretch_of(n: int) -> st.SearchStrategy[slice]:
    return st.tuples(st.integers(0, n - 1), st.integers(1, n)).map(
        lambda pair: slice(pair[0], max(pair[0] + 1, pair[1]))
    )


@given(some_of(N_TRIALS), stretch_of(N_TIME), some_of(N_NEURONS))
def test_each_axis_is_chosen_as_numpy_chooses(rows: Any, time: slice, columns: Any) -> None:
    whole = trials()
    part = whole[rows, time, columns]
    chosen = np.ix_(
        np.atleast_1d(np.arange(N_TRIALS)[rows]),
        np.arange(N_TIME)[time],
        np.atleast_1d(np.arange(N_NEURONS)[columns]),
    )
    np.testing.assert_array_equal(part.spikes, whole.spikes[chosen])
    np.testing.assert_array_equal(part.trial_ids, chosen[0].ravel())
    np.testing.assert_array_equal(part.neuron_ids, chosen[2].ravel())
    np.testing.assert_allclose(part.time_s, whole.time_s[time])
    np.testing.assert_array_equal(part.condition, whole.condition[chosen[0].ravel()])
    np.testing.assert_array_equal(part.region, whole.region[chosen[2].ravel()])
    np.testing.assert_array_equal(part.behavior, whole.behavior[chosen[0].ravel()][:, time])
    np.testing.assert_array_equal(part.labels["choice"], whole.labels["choice"][chosen[0].ravel()])
    assert part.shape == part.spikes.shape


@given(some_of(N_TRIALS))
def test_one_index_chooses_trials_and_an_ellipsis_is_the_rest(rows: Any) -> None:
    whole, part = trials(), trials()[rows]
    for same in (whole[rows, ...], whole[rows, :], whole[rows, :, :], whole.select(trials=rows)):
        np.testing.assert_array_equal(same.spikes, part.spikes)
        np.testing.assert_array_equal(same.trial_ids, part.trial_ids)
    assert part.shape[1:] == (N_TIME, N_NEURONS)


def test_an_ellipsis_may_come_first_or_stand_alone() -> None:
    whole = trials()
    np.testing.assert_array_equal(whole[..., [2, 0]].spikes, whole.spikes[:, :, [2, 0]])
    np.testing.assert_array_equal(whole[...].spikes, whole.spikes)
    np.testing.assert_array_equal(whole[1, ..., 2].spikes, whole.spikes[1:2, :, 2:])


def test_bins_side_by_side_may_be_listed_or_masked() -> None:
    whole = trials()
    mask = np.isin(np.arange(N_TIME), [2, 3])
    for time in (slice(2, 4), [2, 3], mask, slice(-4, -2)):
        np.testing.assert_array_equal(whole[:, time].spikes, whole.spikes[:, 2:4])
    assert whole[:, -1].shape == (N_TRIALS, 1, N_NEURONS)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ((slice(None), [0, 2]), "side by side; give a slice"),
        ((slice(None), [1, 0]), "side by side"),
        ((slice(None), slice(0, 4, 2)), "step 1"),
        ((0, 0, 0, 0), "up to three"),
        ((..., 0, ...), "up to three"),
        (None, "up to three"),
        (9, "trials cannot be selected"),
        ((0, 0, 9), "neurons cannot be selected"),
        ((0, 99), "bins cannot be selected"),
        ((0, slice(3, 3)), "at least one bin"),
        ("a", "trials cannot be selected"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_the_rule(key: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        trials()[key]


def test_forward_bins_in_a_slice_stay_forward_bins() -> None:
    whole = trials(forward_bins=2)
    assert whole[:, :4].forward_bins == 0
    assert whole[:, 2:5].forward_bins == 1
    assert whole[:, 4:].forward_bins == 1  # one bin is left for the encoder to see


def test_a_set_goes_through_its_trials_and_is_an_array_of_counts() -> None:
    whole = trials()
    assert [each.trial_ids.tolist() for each in whole] == [[0], [1], [2], [3]]
    np.testing.assert_array_equal(np.asarray(whole), whole.spikes)
    assert np.asarray(whole, float).dtype == float
    assert len(whole) == whole.shape[0] == N_TRIALS
