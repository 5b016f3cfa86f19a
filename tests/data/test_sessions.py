"""Sessions: a mapping of trials whose bins are alike, under names that folders can have."""

from pathlib import PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.data import Sessions, TrialSet
from undertow.errors import DataError


def trials(n_neurons: int = 3, bin_s: float = 0.02, **fields: object) -> TrialSet:
    return TrialSet(np.ones((4, 5, n_neurons)), bin_s, **fields)  # type: ignore[arg-type]


def test_it_is_a_mapping_in_order() -> None:
    day1, day2 = trials(3), trials(5)
    sessions = Sessions({"day2": day2, "day1": day1})
    assert list(sessions) == ["day2", "day1"]
    assert sessions["day1"] is day1
    assert len(sessions) == 2
    assert sessions.bin_s == 0.02
    assert sessions.n_trials == 8
    assert "day2: TrialSet(4 trials × 5 bins of 20 ms × 5 neurons" in repr(sessions)
    with pytest.raises(KeyError):
        sessions["day3"]
    with pytest.raises(TypeError):
        sessions["day1"] = day2  # type: ignore[index]


def test_a_list_is_named_by_number() -> None:
    assert list(Sessions([trials(), trials(2)])) == ["session1", "session2"]


def test_the_mapping_given_may_change_afterwards() -> None:
    given = {"a": trials()}
    sessions = Sessions(given)
    given["b"] = trials()
    assert list(sessions) == ["a"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (trials(), "sessions are TrialSet"),
        (3, "sessions are int"),
        ([], "no sessions"),
        ([trials(), "b.npz"], "session 'session2' is str"),
        ({"a": trials(), "A": trials()}, "each needs a name of its own"),
        ([trials(), trials(bin_s=0.01)], r"have bins of \(s\): 0.02 and 0.01"),
        ([trials(), trials(stimulus=np.ones((4, 5, 2)))], "stimulus channels: 0 and 2"),
        (
            [trials(), trials(times=np.cumsum(np.full((4, 5), 0.02), 1) ** 1.1)],
            "irregular times: False and True",
        ),
    ],
)
def test_what_one_model_cannot_read_alike_is_refused(given: object, words: str) -> None:
    with pytest.raises(DataError, match=words):
        Sessions(given)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", ".", "..", " ", "a/b", "a\\b", "c:", "x" * 101, "a\nb", 5])
def test_names_that_are_no_folder_are_refused(name: object) -> None:
    with pytest.raises(DataError, match="a name that a folder can have"):
        Sessions({name: trials()})  # type: ignore[dict-item]


@given(st.text(max_size=120))
def test_a_name_that_is_accepted_stays_inside_its_folder(name: str) -> None:
    try:
        Sessions({name: trials()})
    except DataError:
        return
    for kind in (PurePosixPath, PureWindowsPath):
        inside = kind("joint") / name
        assert inside.parent == kind("joint")
        assert ".." not in inside.parts
