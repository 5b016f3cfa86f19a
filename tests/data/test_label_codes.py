"""Labels as codes: the same code means the same category in every set."""

import numpy as np
import pytest

from undertow.data import TrialSet
from undertow.data.label_codes import label_categories, label_codes
from undertow.errors import DataError

CHOICE = np.array(["right", "", "left", "right"])
LEVEL = np.array([0.5, np.nan, 0.0, 0.5])


def trials() -> TrialSet:
    return TrialSet(
        np.ones((4, 3, 2)),
        0.02,
        labels={"choice": CHOICE, "level": LEVEL, "hit": [True, False] * 2},
    )


def test_categories_are_the_known_values_sorted() -> None:
    found = label_categories(trials())
    assert {name: values.tolist() for name, values in found.items()} == {
        "choice": ["left", "right"],
        "level": [0.0, 0.5],
        "hit": [False, True],
    }
    assert list(label_categories(trials(), ["level"])) == ["level"]


def test_codes_are_places_among_the_categories() -> None:
    assert label_codes(trials(), "choice", ["left", "right"]).tolist() == [1, -1, 0, 1]
    assert label_codes(trials(), "choice", ["right", "none", "left"]).tolist() == [0, -1, 2, 0]
    assert label_codes(trials(), "choice", ["left"]).tolist() == [-1, -1, 0, -1]
    assert label_codes(trials(), "level", [0.0, 0.5]).tolist() == [1, -1, 0, 1]
    assert label_codes(trials(), "hit", [False, True]).tolist() == [1, 0, 1, 0]


def test_a_set_without_the_label_or_without_any_value_is_all_missing() -> None:
    assert label_codes(trials(), "reward", [0, 1]).tolist() == [-1] * 4
    blank = trials().replace(labels={"choice": np.full(4, np.nan)})
    assert label_codes(blank, "choice", ["left", "right"]).tolist() == [-1] * 4


def test_what_cannot_be_coded_is_refused() -> None:
    with pytest.raises(DataError, match="has no label 'reward': there is choice, level, hit"):
        label_categories(trials(), ["reward"])
    with pytest.raises(DataError, match="label 'choice' is missing in every trial"):
        label_categories(trials().replace(labels={"choice": ["", "", "", ""]}))
    with pytest.raises(
        DataError, match=r"label 'choice' holds 'right' and its categories \[0, 1\]: both"
    ):
        label_codes(trials(), "choice", [0, 1])
