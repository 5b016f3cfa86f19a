"""Rules over the columns of a table: what they keep, and that any text is a mask or refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.data.rules import rows_of
from undertow.data.tables import select_rows
from undertow.errors import DataError

COLUMNS = {
    "outcome": np.array(["hit", "miss", "hit", "no-go", "", "early (left)"]),
    "rt": np.array([0.3, 0.9, 0.7, np.nan, 0.5, 0.8]),
    "go_time": np.array([1.0, 2, 3, 4, 5, 6]),
    "stop_time": np.array([1.5, 2.5, 3.5, 3.5, 5.5, np.nan]),
    "block": np.arange(6),
    "correct": np.array([True, False, True, False, True, False]),
    "depth (um)": np.arange(6) * 10.0,
    "brain area": np.array(["CA1", "CA3", "Field A and B", "CA1", "DG", "CA1"]),
    "hit": np.zeros(6),
    "rewarded": np.array([1.0, np.nan, 0, 0, 1, 1]),
}


def kept(rule: str) -> list[int]:
    return np.flatnonzero(rows_of("trials", rule, COLUMNS)).tolist()


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        ("outcome==hit and rt<0.8", [0, 2]),
        (" outcome == 'hit'  and rt <= 0.3 ", [0]),
        ('outcome=="early (left)"', [5]),
        ("outcome==early (left)", [5]),  # a value the column holds needs no quotes
        ("(outcome==early (left) or outcome==hit) and block>=2", [2, 5]),
        ("outcome==no-go", [3]),
        ("outcome!=hit", [1, 3, 4, 5]),
        ("outcome in (hit, no-go)", [0, 2, 3]),
        ("outcome in [hit,'no-go']", [0, 2, 3]),
        ("outcome not in (hit, no-go)", [1, 4, 5]),
        ("block in (0, 2, 5)", [0, 2, 5]),
        ("not outcome==hit and not (rt>0.8)", [3, 4, 5]),
        ("rt<0.4 or rt>0.8 and block==1", [0, 1]),
        ("(rt<0.4 or rt>0.8) and block==1", [1]),
        ("0.4<rt<=0.7", [2, 4]),
        ("0.4 < rt", [1, 2, 4, 5]),
        ("isnan(rt)", [3]),
        ("missing(outcome)", [4]),
        ("not isnan(rt) and block>3", [4, 5]),
        ("rt!=0.3", [1, 2, 3, 4, 5]),
        ("stop_time>go_time", [0, 1, 2, 4]),
        ("correct", [0, 2, 4]),
        ("not correct", [1, 3, 5]),
        ("correct==False", [1, 3, 5]),
        ("rewarded and block>0", [4, 5]),
        ("correct!=1", [1, 3, 5]),
        ("block==-1 or block==5e0", [5]),
        ("depth (um)>=40", [4, 5]),
        ("brain area==CA1", [0, 3, 5]),
        ("brain area == Field A and B", [2]),
        ("'brain area'=='DG'", [4]),
        ("outcome==nothing like it", []),
    ],
)
def test_rows_that_follow_a_rule(rule: str, rows: list[int]) -> None:
    assert kept(rule) == rows


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("outcom==hit", "the trials have no column 'outcom': there is outcome, .*did you mean"),
        ("x9==1", "no column 'x9': there is outcome, rt"),
        ("rt<fast", r"compares numbers with 'fast' \(rt holds numbers\): give a number, true"),
        ("outcome>hit", "'outcome' of the trials holds text: compare it by == or !="),
        ("rt==nan", r"nothing equals a missing value: write isnan\(rt\)"),
        ("outcome=hit", "'=' cannot be read: write == or !="),
        ("!correct", "'!' cannot be read"),
        ("correct & rt<1", "'&' cannot be read: write and, or, not"),
        ("outcome=='hit", "a quotation mark is not closed"),
        ("rt", "'rt' stands alone: compare it with a value"),
        ("", "a column or a value is missing before 'the end'"),
        ("rt<", "missing before 'the end'"),
        ("rt<0.5 and", "missing before 'the end'"),
        ("(rt<0.5", r"'\)' is missing before 'the end'"),
        ("rt<0.5)", r"'\)' follows where the rule could end"),
        ("outcome in hit", "a list in brackets must follow 'in'"),
        ("outcome in (hit", r"'\)' is missing"),
        ("isnan(rt", r"'\)' is missing"),
        ("(" * 60 + "rt<1" + ")" * 60, "nested more than 40 deep"),
        ("not " * 60 + "correct", "nested more than 40 deep"),
        ("rt<1 and " * 400 + "rt<1", "has 3604 characters: 2000 are the most"),
    ],
)
def test_what_cannot_be_read_says_why(rule: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        rows_of("trials", rule, COLUMNS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_dates_and_complex_numbers_are_no_columns_to_compare() -> None:
    for values in (np.array(["2024-01-01"], "M8[D]"), np.array([1j])):
        with pytest.raises(DataError, match="no numbers or text"):
            rows_of("trials", "when==1", {"when": values})


def test_where_no_row_is_left_the_values_there_are_listed() -> None:
    with pytest.raises(DataError, match=r"no row of the trials .*\(brain area holds CA1, CA3, DG"):
        select_rows("trials", "brain area==ca1", np.arange(6), COLUMNS)


MARKS = ("==", "<", ">=", "!=", "(", ")", "[", ",", "in", "not", "and", "or", "isnan(")
VALUES = ("0.5", "'hit'", "hit", '"', "nan", "1e999", "=", "\x00", "é", "-", "true", "9" * 300)
PIECES = st.sampled_from([*COLUMNS, *MARKS, *VALUES])


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(PIECES, max_size=14).map(" ".join)))
def test_any_text_is_a_mask_or_refused(rule: str) -> None:
    try:
        mask = rows_of("trials", rule, COLUMNS)
    except DataError:
        return
    assert mask.shape == (6,)
    assert mask.dtype == bool
