"""Bins in order and out of it; spikes that become bins."""

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.errors import DataError
from undertow.live import Binner, BinOrder, Frame


def ordered(order: BinOrder, numbers: Iterable[int | None]) -> list[int | None]:
    return [each.bin for n in numbers for each in order.ordered(Frame(n, np.zeros(1)))]


def test_missing_bins_are_stepped_over_as_unknown() -> None:
    order = BinOrder(10)
    found = [each for n in (0, 3) for each in order.ordered(Frame(n, np.ones(2)))]
    assert [each.bin for each in found] == [0, 1, 2, 3]
    assert [each.counts is None for each in found] == [False, True, True, False]
    assert order.missing == 2


def test_late_and_repeated_bins_are_told_apart_and_dropped() -> None:
    order = BinOrder(10)
    assert ordered(order, [0, 2, 1, 1, 2, 3]) == [0, 1, 2, 3]
    # bin 1 was missing, came late, and came again
    assert (order.missing, order.late, order.duplicated) == (1, 1, 2)


def test_bins_without_numbers_follow_each_other() -> None:
    order = BinOrder(10)
    assert len(ordered(order, [None, None, None])) == 3
    assert (order.missing, order.duplicated) == (0, 0)


def test_a_stream_may_begin_with_any_number() -> None:
    order = BinOrder(10)
    assert ordered(order, [1000, 1001]) == [1000, 1001]
    assert order.missing == 0


def test_after_a_long_gap_it_begins_anew() -> None:
    order = BinOrder(5)
    found = [each for n in (0, 6, 13) for each in order.ordered(Frame(n, np.zeros(1)))]
    assert [(each.bin, each.restarts) for each in found][-1] == (13, True)
    assert (order.restarts, order.missing) == (1, 5)


@given(st.permutations(range(8)))
def test_every_number_is_stepped_through_once_in_whatever_order_they_come(numbers: list) -> None:
    order = BinOrder(100)
    found = ordered(order, [0, *(n + 1 for n in numbers)])
    assert found == list(range(9))
    assert order.missing == order.late  # all came in the end
    assert order.duplicated == 0


def test_spikes_become_bins_when_time_has_passed_them() -> None:
    binner = Binner(0.02, 3)
    first = list(binner.binned(spikes([0.001, 0.019, 0.021], [0, 0, 2])))
    assert [(each.bin, each.counts.tolist()) for each in first] == [(0, [2, 0, 0])]
    # unit −1 says how far time has come
    second = list(binner.binned(spikes([0.08], [-1])))
    assert [each.bin for each in second] == [1, 2, 3]
    assert [each.counts.tolist() for each in second] == [[0, 0, 1], [0, 0, 0], [0, 0, 0]]


def test_a_spike_on_the_edge_belongs_to_the_bin_that_begins_there() -> None:
    binner = Binner(0.02, 1)
    list(binner.binned(spikes([0.0, 0.06], [0, 0])))  # 3 · 0.02 is not 0.06 in binary
    assert [each.counts.tolist() for each in binner.binned(spikes([0.08], [-1]))] == [[1]]


def test_spikes_that_come_after_their_bin_are_counted_and_lost() -> None:
    binner = Binner(0.02, 1)
    list(binner.binned(spikes([0.0, 0.05], [0, 0])))
    list(binner.binned(spikes([0.01], [0])))
    assert binner.late == 1


@pytest.mark.parametrize("unit", [3, -2])
def test_a_unit_that_is_none_is_refused(unit: int) -> None:
    with pytest.raises(DataError, match="the model reads units 0 to 2"):
        list(Binner(0.02, 3).binned(spikes([0.0], [unit])))


def spikes(times_s: list[float], units: list[int]) -> Frame:
    return Frame(times_s=np.array(times_s), units=np.array(units))
