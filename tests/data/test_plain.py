"""Columns of tables: what is usable is used, what is missing has a name, the rest is named once."""

from typing import Any

import numpy as np
import pytest

from undertow.data import Recording, TrialSet
from undertow.data.plain import as_mask, plain_values
from undertow.data.tables import join_labels
from undertow.errors import DataError, DataWarning

pandas = pytest.importorskip("pandas")

EVENTS = np.arange(1.0, 7.0)
SPIKES = [np.arange(0.05, 8, 0.1), np.arange(0.0, 8, 0.2)]

USABLE = [
    (np.array(["a", None, "b"], object), ["a", "", "b"]),
    (np.array(["a", np.nan, b"b"], object), ["a", "", "b"]),
    (pandas.array(["a", None, "b"], dtype="string"), ["a", "", "b"]),
    (pandas.array([True, None, False], dtype="boolean"), [1.0, np.nan, 0.0]),
    (pandas.array([1, 2, None], dtype="Int64"), [1.0, 2.0, np.nan]),
    (pandas.array([1, 2, 3], dtype="Int64"), [1, 2, 3]),
    (pandas.Series(["x", "y", "x"], dtype="category"), ["x", "y", "x"]),
    (pandas.Series([True, False, True]), [True, False, True]),
    (np.array([1, None, 2.5], object), [1.0, np.nan, 2.5]),
    (np.array([1, "a", None], object), ["1", "a", ""]),
    (np.array(["2026-01-02", "NaT", "2026-01-03"], "M8[D]"), ["2026-01-02", "", "2026-01-03"]),
    (np.array([b"a", b"\xff", b""]), ["a", "\ufffd", ""]),
    (np.array([None, None, None], object), [np.nan] * 3),
]


@pytest.mark.parametrize(("given", "expected"), USABLE)
def test_usable_columns_become_plain(given: Any, expected: list[Any]) -> None:
    found = plain_values(np.asarray(given))
    assert found is not None
    np.testing.assert_array_equal(found, np.array(expected))
    assert found.dtype.kind == np.array(expected).dtype.kind


@pytest.mark.parametrize(
    "given", [[[1], [2]], [{}, {}], [1j, 2], [10**400, 1], [np.zeros(2), np.zeros(2)], [10**30, 1]]
)
def test_other_columns_are_none(given: list[Any]) -> None:
    column = np.empty(2, object)
    column[:] = given
    assert plain_values(column) is None or plain_values(column).dtype.kind == "f"  # type: ignore[union-attr]


def table(**columns: Any) -> dict[str, Any]:
    return {"go": EVENTS, **columns}


def test_the_rest_is_named_once_and_the_table_used() -> None:
    lists = [[1], [1, 2], [3], [], [5], [6]]
    columns = table(side=["l", None, "r", "l", "r", "l"], licks=lists, shape=np.zeros((6, 2)))
    with pytest.warns(DataWarning, match=r"2 column.* left out: licks, shape") as said:
        recording = Recording.from_spike_times(SPIKES, events=columns)
    assert len(said) == 1
    assert recording.bin("go", (0, 0.5), 0.1, trials="side==l").n_trials == 3
    with pytest.warns(DataWarning, match=r"1 column\(s\) of the units .* out: waveform"):
        Recording(SPIKES, units={"waveform": [[1, 2], [3]], "depth": [1, None]})


def test_trials_without_a_condition_form_one_of_their_own() -> None:
    columns = table(level=[1.0, np.nan, 2, 1, 2, 1], side=["l", "", "r", "l", "r", "l"])
    recording = Recording.from_spike_times(SPIKES, events=columns)
    with pytest.warns(DataWarning, match="condition is missing in 1 of 6 places: it is 'none'"):
        trials = recording.bin("go", (0, 0.5), 0.1, condition="level")
    assert trials.condition.tolist() == ["1", "none", "2", "1", "2", "1"]
    with pytest.warns(DataWarning, match="condition is missing"):
        both = recording.bin("go", (0, 0.5), 0.1, condition=("side", "level"))
    assert both.condition[:3].tolist() == ["l/1", "none/none", "r/2"]


def test_what_is_missing_everywhere_is_not_there() -> None:
    counts = np.ones((3, 4, 2))
    with pytest.warns(DataWarning, match="condition is missing in 3 of 3 places: there is none"):
        assert TrialSet(counts, 0.01, condition=[None] * 3).condition is None
    with pytest.warns(DataWarning, match="region is missing in 1 of 2 places: it is 'unknown'"):
        assert TrialSet(counts, 0.01, region=["M1", None]).region.tolist() == ["M1", "unknown"]
    with pytest.warns(DataWarning, match="split is missing in 1 of 3"):
        split = TrialSet(counts, 0.01, split=["train", "", "test"]).split
    assert split.tolist() == ["train", "none", "test"]


def test_heldout_that_is_missing_is_false() -> None:
    units = {"heldout": pandas.array([None, True], dtype="boolean")}
    with pytest.warns(DataWarning, match="heldout is missing in 1 of 2 places: it counts as false"):
        trials = Recording.from_spike_times(SPIKES, events=EVENTS, units=units).bin(
            "event", (0, 0.5), 0.1
        )
    assert trials.heldout.tolist() == [False, True]
    assert as_mask("heldout", ["True", "no", ""]).tolist() == [True, False, False]
    with pytest.raises(DataError, match="heldout holds 'maybe'"):
        as_mask("heldout", ["maybe", "no"])
    with pytest.raises(DataError, match="heldout holds object"):
        as_mask("heldout", [{}, {}])


def test_joined_labels_keep_their_numbers() -> None:
    assert join_labels([np.array([1, 2]), np.array(["a", "b"])]).tolist() == ["1/a", "2/b"]
