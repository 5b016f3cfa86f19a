"""TrialSet: every bad field is refused by name; selecting, holding out and rebinning lose
nothing."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from undertow.data import TrialSet
from undertow.errors import DataError, DataWarning

SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6)
COUNTS = SHAPES.flatmap(lambda shape: hnp.arrays(np.int64, shape, elements=st.integers(0, 20)))
BAD_VALUES = {"negative": -1.0, "fractional": 0.5, "infinite": np.inf}


def trials_from(counts: np.ndarray, **fields: Any) -> TrialSet:
    """A TrialSet of counts, each neuron given one spike at least so that nothing is silent."""
    counts = counts.copy()
    counts[0, 0] += 1
    return TrialSet(counts, 0.01, **fields)


@given(COUNTS, st.sampled_from(sorted(BAD_VALUES)), st.data())
def test_one_bad_count_is_found_wherever_it_is(
    counts: np.ndarray, kind: str, data: st.DataObject
) -> None:
    place = tuple(data.draw(st.integers(0, size - 1)) for size in counts.shape)
    spikes = counts.astype(float)
    spikes[place] = BAD_VALUES[kind]
    trial, time, neuron = place
    with pytest.raises(
        DataError, match=f"spikes holds 1 {kind} .* trial {trial}, bin {time}, neuron {neuron}"
    ):
        TrialSet(spikes, 0.01)


@given(hnp.arrays(np.float64, SHAPES, elements=st.floats(allow_nan=True, allow_infinity=True)))
def test_any_array_is_taken_or_refused_with_a_data_error(values: np.ndarray) -> None:
    finite = values[~np.isnan(values)]
    with np.errstate(over="ignore"):
        single = finite.astype(np.float32)
    good = np.isfinite(single).all() and (single >= 0).all() and (single == np.round(single)).all()
    if good and single.sum() > 0:
        silent = ~(np.nansum(values, axis=(0, 1)) > 0)
        with pytest.warns(DataWarning) if silent.any() else np.errstate():
            trials = TrialSet(values, 0.01)
        np.testing.assert_array_equal(np.isnan(trials.spikes), np.isnan(values))
    else:
        with pytest.raises(DataError, match="spikes"):
            TrialSet(values, 0.01)


FIELD_SHAPES = {
    "condition": (0,),
    "trial_ids": (0,),
    "split": (0,),
    "lengths": (0,),
    "region": (2,),
    "neuron_ids": (2,),
    "heldout": (2,),
    "behavior": (0, 1),
    "stimulus": (0, 1),
    "truth": (0, 1, 2),
}


@given(COUNTS, st.sampled_from(sorted(FIELD_SHAPES)), st.integers(1, 3))
def test_a_field_of_the_wrong_size_is_refused_by_name(
    counts: np.ndarray, name: str, extra: int
) -> None:
    shape = [counts.shape[axis] + extra for axis in FIELD_SHAPES[name]]
    value = np.zeros((*shape, 2) if name in ("behavior", "stimulus") else shape, int)
    value = value.astype(bool) if name == "heldout" else value
    with pytest.raises(DataError, match=name):
        trials_from(counts, **{name: value})


BAD_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"spikes": [[[1, 2], [1]], [[1, 2], [1, 2]]]}, "spikes is ragged"),
    ({"spikes": np.array([[["a"]]])}, "spikes has dtype"),
    ({"spikes": np.ones((2, 3, 2), complex)}, "spikes has dtype complex"),
    ({"spikes": np.ones((2, 3))}, "spikes has 2 dimensions"),
    ({"spikes": np.ones((0, 3, 2))}, "at least one trial, bin and neuron"),
    ({"spikes": np.zeros((2, 3, 2))}, "no spike at all"),
    ({"bin_s": 0}, "bin_s is 0"),
    ({"bin_s": "wide"}, "bin_s is 'wide'"),
    ({"bin_s": np.nan}, "bin_s is nan"),
    ({"start_s": np.nan}, "start_s is nan"),
    ({"lengths": [0, 3]}, r"lengths\[0\] is 0"),
    ({"lengths": [3.0, 2.0]}, "lengths has shape"),
    ({"neuron_ids": [4, 4]}, "neuron_ids holds .*4.* more than once"),
    ({"condition": np.array([{}, "a"], object)}, "condition is an object array"),
    ({"condition": [[1], [1, 2]]}, "condition is ragged"),
    ({"heldout": [True, True]}, "all 2 neurons are held out"),
    ({"heldout": [0, 1]}, "heldout has shape"),
    ({"forward_bins": 3}, "forward_bins is 3: it must be a whole number, from 0 to 2"),
    ({"forward_bins": 0.5}, "forward_bins is 0.5"),
    ({"forward_bins": "two"}, "forward_bins is 'two'"),
    ({"behavior": np.full((2, 3, 1), np.inf)}, "behavior is infinite at trial 0, bin 0, channel 0"),
    (
        {"behavior": np.ones((2, 3, 1)), "behavior_names": ("x", "y")},
        "behavior_names has 2 entries",
    ),
    ({"behavior": np.ones((2, 3, 1)), "behavior_kind": "text"}, "behavior_kind is 'text'"),
    ({"truth": -np.ones((2, 3, 2))}, "truth holds negative"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_FIELDS)
def test_a_bad_field_is_refused_by_name(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        TrialSet(**{"spikes": np.ones((2, 3, 2)), "bin_s": 0.01, **fields})


@given(COUNTS, st.data())
def test_selecting_is_numpy_indexing(counts: np.ndarray, data: st.DataObject) -> None:
    n_trials, n_time, n_neurons = counts.shape
    trials = trials_from(
        counts, condition=np.arange(n_trials) % 3, region=np.arange(n_neurons).astype(str)
    )
    rows = data.draw(st.lists(st.integers(0, n_trials - 1), min_size=1, unique=True))
    columns = data.draw(st.lists(st.integers(0, n_neurons - 1), min_size=1, unique=True))
    start = data.draw(st.integers(0, n_time - 1))
    stop = data.draw(st.integers(start + 1, n_time))
    part = trials.select(trials=rows, time=slice(start, stop), neurons=columns)
    np.testing.assert_array_equal(part.spikes, trials.spikes[rows][:, start:stop][:, :, columns])
    assert part.trial_ids.tolist() == rows
    assert part.neuron_ids.tolist() == columns
    assert part.condition.tolist() == [row % 3 for row in rows]
    assert part.region.tolist() == [str(column) for column in columns]
    np.testing.assert_allclose(part.time_s, trials.time_s[start:stop])


@given(COUNTS, st.integers(1, 4))
def test_rebinning_keeps_every_spike_and_the_mean_rates(counts: np.ndarray, factor: int) -> None:
    whole = np.repeat(counts, factor, axis=1)  # the number of bins divides
    trials = trials_from(whole)
    wide = trials.rebin(0.01 * factor)
    np.testing.assert_array_equal(wide.spikes.sum(axis=1), trials.spikes.sum(axis=1))
    np.testing.assert_allclose(wide.mean_rates, trials.mean_rates, rtol=1e-6)
    assert wide.n_time * wide.bin_s == pytest.approx(trials.n_time * trials.bin_s)


@given(COUNTS, st.data())
def test_what_lies_past_a_trials_end_changes_nothing(
    counts: np.ndarray, data: st.DataObject
) -> None:
    n_trials, n_time, _ = counts.shape
    lengths = np.array(
        data.draw(st.lists(st.integers(1, n_time), min_size=n_trials, max_size=n_trials))
    )
    trials = trials_from(counts, lengths=lengths)
    other = counts.copy()
    other[~trials.valid] = 99
    np.testing.assert_array_equal(trials.spikes, trials_from(other, lengths=lengths).spikes)
    assert np.isnan(trials.spikes[~trials.valid]).all()
    assert np.isfinite(trials.spikes[trials.valid]).all()


@given(st.integers(2, 40), st.data())
def test_holding_out_follows_the_seeded_permutation(n: int, data: st.DataObject) -> None:
    k, seed = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, 100))
    heldout = TrialSet(np.ones((1, 1, n)), 0.01).hold_out(k, seed=seed).heldout
    chosen = np.random.default_rng(seed).permutation(n)[:k]
    assert np.flatnonzero(heldout).tolist() == sorted(chosen.tolist())


def test_nothing_can_be_changed_from_outside() -> None:
    counts = np.ones((2, 3, 2))
    trials = TrialSet(counts, 0.01)
    counts[:] = 7
    assert (trials.spikes == 1).all()
    with pytest.raises(ValueError, match="read-only"):
        trials.spikes[0, 0, 0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        trials.bin_s = 1.0  # type: ignore[misc]


def test_silent_neurons_are_listed_once_and_counted() -> None:
    counts = np.ones((2, 3, 3))
    counts[:, :, 1] = 0
    with pytest.warns(
        DataWarning, match=r"1 of 3 neurons never spike and are left out of scores: n1\."
    ):
        trials = TrialSet(counts, 0.01, neuron_ids=["n0", "n1", "n2"])
    assert trials.silent.tolist() == [False, True, False]
    assert trials[0].silent.tolist() == [False, True, False]  # no second warning
    assert trials.mean_rates.tolist() == pytest.approx([100, 0, 100])


def test_the_forward_bins_left_in_a_slice() -> None:
    trials = TrialSet(np.ones((2, 10, 2)), 0.01, start_s=-0.05, forward_bins=3)
    assert trials.select(time=slice(0, 7)).forward_bins == 0
    assert trials.select(time=slice(2, 9)).forward_bins == 2
    assert trials.select(time=slice(2, 9)).start_s == pytest.approx(-0.03)


def test_wrong_selections_are_refused() -> None:
    trials = TrialSet(np.ones((2, 4, 2)), 0.01, lengths=[1, 4])
    for selection, message in [
        ({"trials": [5]}, "trials cannot be selected"),
        ({"trials": []}, "selection of trials is empty"),
        ({"neurons": [False, False]}, "selection of neurons is empty"),
        ({"neurons": [True]}, "neurons cannot be selected"),
        ({"time": slice(3, 3)}, "time is slice"),
        ({"time": slice(0, 4, 2)}, "time is slice"),
        ({"time": slice(2, 4)}, "trial 0 ends before bin 2"),
    ]:
        with pytest.raises(DataError, match=message):
            trials.select(**selection)
    with pytest.raises(DataError, match="cannot hold out 2 of 2"):
        trials.hold_out(2)
    with pytest.raises(DataError, match="no neuron fires at 1e"):
        trials.filter_rates(1e6)
    assert trials.filter_rates(50).n_neurons == 2


def test_in_a_notebook_it_is_a_small_escaped_table() -> None:
    counts = np.ones((3, 10, 40))
    counts[0, 2] = np.nan
    table = TrialSet(
        counts,
        0.01,
        lengths=[10, 8, 10],
        start_s=-0.05,
        event="<go>",
        condition=["<left>", "right", "right"],
        region=np.arange(40),
        labels={"choice": [0, 1, 1]},
    )._repr_html_()
    for text in ("3 trials × 10 bins", "-0.05 to 0.05 s from &lt;go&gt;", "right (2)", "choice"):
        assert text in table
    assert "&lt;left&gt; (1)" in table
    assert "<left>" not in table
    assert len(table) < 2000
