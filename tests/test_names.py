"""Names: of classes on the command line, and the nearest one where there is none."""

import pytest

from undertow.errors import DataError, ModelError
from undertow.names import find, kebab, listed, nearest, printable, shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CoupledOscillators", "coupled-oscillators"),
        ("LinearSDE", "linear-sde"),
        ("GRU", "gru"),
        ("LowRankRNN", "low-rank-rnn"),
        ("FitzHughNagumo", "fitzhugh-nagumo"),
    ],
)
def test_names_of_classes(name: str, expected: str) -> None:
    assert kebab(name) == expected


def test_the_nearest_name_or_all() -> None:
    known = ("heads", "width", "dropout")
    assert nearest("dropuot", known) == "did you mean 'dropout'?"
    assert nearest("zzz", known) == "choose one of dropout, heads, width."


def test_find_gives_what_a_name_stands_for() -> None:
    known = {"gru": 1, "lstm": 2}
    assert find("encoder", "lstm", known) == 2
    with pytest.raises(ModelError, match="there is no encoder 'lstn': did you mean 'lstm'"):
        find("encoder", "lstn", known)
    with pytest.raises(DataError):
        find("file", "x", known, error=DataError)


def test_names_are_listed() -> None:
    assert (listed(["a", 2]), listed([])) == ("a, 2", "nothing")


def test_long_lists_and_hostile_names_are_shortened_and_escaped() -> None:
    assert listed(range(300)).endswith("11, … (300 in all)")
    assert listed(["red\x1b[31m", "a\nb"]) == r"red\x1b[31m, a\nb"
    assert len(printable("x" * 5000)) < 100


def test_any_value_can_be_shown() -> None:
    assert shown("a") == "'a'"
    assert shown(10**6000) == "a int too large to show"
