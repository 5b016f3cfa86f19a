"""Rules for arguments: what passes comes back, all else is named with its rule."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow import checks
from undertow.errors import DataError, ModelError

NO_NUMBERS: list[Any] = [None, "3", [3], True, False, math.nan, math.inf, -math.inf, 1j]


@given(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6))
def test_whole_numbers_pass_from_the_least_on(value: int, least: int) -> None:
    for given_as in (value, float(value), np.int64(value), np.float64(value)):
        if value >= least:
            passed = checks.whole("n", given_as, least)
            assert passed == value
            assert type(passed) is int
        else:
            with pytest.raises(ModelError, match=rf"n is .*{value}.*: .*whole.*at least {least}"):
                checks.whole("n", given_as, least)


@pytest.mark.parametrize("value", [*NO_NUMBERS, 2.5])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(DataError, match=r"n is .*: it must be a whole number, from 1 to 9"):
        checks.whole("n", value, 1, 9, error=DataError)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_numbers_pass_between_their_bounds(value: float, one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    if low <= value <= high:
        assert checks.number("x", value, low, high) == value
    else:
        with pytest.raises(ModelError, match=r"x is .*: it must be a number"):
            checks.number("x", value, low, high)


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(
        ModelError, match=r"window_s is .*: it must be a number of seconds, above 0"
    ):
        checks.number("window_s", value, 0, above=True, unit="seconds")


def test_a_bound_may_be_left_out() -> None:
    with pytest.raises(ModelError, match=r"x is 0: it must be a number, above 0"):
        checks.number("x", 0, 0, above=True)
    with pytest.raises(ModelError, match=r"x is 1: .* from 0 up to, not including, 1"):
        checks.share("x", 1)
    assert checks.share("x", 0) == 0


def test_one_of_the_choices_passes() -> None:
    assert checks.one_of("kind", "a", ("a", "b")) == "a"
    with pytest.raises(ModelError, match="kind is 'c': it must be one of 'a', 'b'"):
        checks.one_of("kind", "c", ("a", "b"))
