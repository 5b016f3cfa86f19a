"""Counts that are read by and by are, in everything one can ask of them, the array they stand
for."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.large.kinds import KINDS, SHAPE, counts
from undertow.data.counts import totals
from undertow.data.large import LazyCounts
from undertow.errors import DataError

VALUES = counts()
KEYS: list[Any] = [
    3,
    -1,
    np.int64(2),
    slice(2, 5),
    slice(None, None, 2),
    slice(9, 2, -3),
    [5, 1, 1],
    np.arange(SHAPE[0]) % 3 == 0,
    (slice(None), slice(2, 5)),
    (slice(None), slice(2, -1), slice(1, 3)),
    (slice(None), slice(None), [1, 3, 0]),
    (..., np.arange(SHAPE[2]) % 2 == 0),
    (slice(None), 2),
    (slice(None), slice(None), 0),
    (slice(None), [1, 2]),
    (slice(None), slice(None, None, 2)),
    (2, slice(1, 3)),
    (2, 3, 1),
    (2, ..., 1),
    (slice(3, 9), slice(1, 4), slice(1, 3)),
    ([1, 2], slice(None), 2),
    ([1, 2], slice(None), [2, 3]),
    ([1, 2], [3, 4], [2, 3]),
    (np.arange(SHAPE[0]) % 3 == 0, slice(1, 2)),
    np.isnan(VALUES),
    np.isnan(VALUES).any(2),
    None,
    ...,
]


@pytest.fixture(params=KINDS)
def lazy(request: pytest.FixtureRequest, tmp_path: Path) -> LazyCounts:
    return KINDS[request.param](VALUES, tmp_path)


def equal(found: Any, expected: np.ndarray) -> None:
    np.testing.assert_array_equal(np.asarray(found), expected)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_index_gives_what_the_array_gives(lazy: LazyCounts, key: Any) -> None:
    equal(lazy[key], VALUES[key])


def test_what_keeps_all_trials_is_read_later(lazy: LazyCounts) -> None:
    assert isinstance(lazy[:, 2:5], LazyCounts)
    assert isinstance(lazy[..., [0, 2]], LazyCounts)
    assert isinstance(lazy[2:5], np.ndarray)
    equal(lazy[:, 1:6][:, 1:3][2:9], VALUES[2:9, 2:4])


def test_it_has_what_arrays_have(lazy: LazyCounts) -> None:
    assert (lazy.shape, lazy.ndim, lazy.size) == (SHAPE, 3, VALUES.size)
    assert (lazy.dtype, lazy.nbytes, len(lazy)) == (np.float32, VALUES.nbytes, SHAPE[0])
    assert "20 × 7 × 5" in repr(lazy)
    equal(lazy * 2 + 1, VALUES * 2 + 1)
    equal(1 - lazy, 1 - VALUES)
    equal(np.isnan(lazy), np.isnan(VALUES))
    equal(np.nansum(lazy, axis=0), np.nansum(VALUES, axis=0))
    equal(lazy.astype(np.float64), VALUES.astype(np.float64))
    equal(np.array(lazy, dtype=float), VALUES)
    equal(lazy.reshape(-1, SHAPE[2]), VALUES.reshape(-1, SHAPE[2]))
    equal(lazy.transpose(2, 0, 1), VALUES.transpose(2, 0, 1))
    assert not hasattr(lazy, "chunks")
    for mine, its in zip(lazy, VALUES, strict=True):
        equal(mine, its)
    with pytest.raises(ValueError, match="without a copy"):
        np.array(lazy, copy=False)


def test_nothing_that_is_read_can_change_the_counts(lazy: LazyCounts) -> None:
    np.asarray(lazy)[:] = 9
    lazy[2:4][:] = 9
    lazy[2][:] = 9
    equal(lazy, VALUES)


def test_parts_and_parts_of_parts(lazy: LazyCounts) -> None:
    part = lazy.part([2, 9, 4], slice(1, 6), [0, 3])
    equal(part, VALUES[[2, 9, 4], 1:6][:, :, [0, 3]])
    again = part.part(slice(1, None), slice(1, 3), [1])
    equal(again, VALUES[[9, 4], 2:4][:, :, [3]])
    equal(again[0], VALUES[9, 2:4][:, [3]])


def test_past_the_end_of_a_trial_nothing_was_observed(lazy: LazyCounts) -> None:
    lengths = np.random.default_rng(1).integers(1, SHAPE[1] + 1, SHAPE[0])
    expected = VALUES.copy()
    expected[np.arange(SHAPE[1])[None] >= lengths[:, None]] = np.nan
    ended = lazy.ended(lengths)
    equal(ended, expected)
    equal(ended.part(slice(3, 9), slice(2, 6)), expected[3:9, 2:6])
    equal(ended[[7, 2]], expected[[7, 2]])
    equal(ended.ended(np.full(SHAPE[0], 3))[:, :3], expected[:, :3])
    assert lazy.ended(np.full(SHAPE[0], SHAPE[1])) is lazy


def test_parts_of_one_source_are_joined_without_reading(lazy: LazyCounts) -> None:
    first, second = lazy.part([4, 2], slice(1, 6)), lazy.part([8], slice(1, 6))
    together = first.joined([second])
    assert together is not None
    equal(together, VALUES[[4, 2, 8], 1:6])
    ends = second.ended(np.array([2]))
    together = first.joined([ends])
    assert together is not None
    equal(together, np.concatenate([np.asarray(first), np.asarray(ends)]))
    assert first.joined([lazy.part([8], slice(0, 5))]) is None
    assert first.joined([lazy.part([8], slice(1, 6), [1, 2])]) is None
    assert lazy.joined([KINDS["sparse"](VALUES, Path())]) is None


def test_totals(lazy: LazyCounts) -> None:
    for part, its in ((lazy, VALUES), (lazy[:, 2:5], VALUES[:, 2:5])):
        total, observed = totals(part)  # type: ignore[arg-type]
        equal(total, np.nansum(its, axis=(0, 1)))
        equal(observed, np.isfinite(its).sum(axis=(0, 1)))


def test_it_can_be_sent_to_another_process(lazy: LazyCounts) -> None:
    equal(pickle.loads(pickle.dumps(lazy)), VALUES)


def test_more_than_fits_in_memory_is_not_made_an_array(
    lazy: LazyCounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.memory.machine_memory", lambda: VALUES.nbytes - 1)
    with pytest.raises(DataError, match="20 × 7 × 5 trials, bins and neurons, all at once"):
        np.asarray(lazy)
    equal(lazy[2:4], VALUES[2:4])
