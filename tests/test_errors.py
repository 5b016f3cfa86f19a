"""Whatever an error or a warning quotes, its message is one printable line of bounded length."""

import copy
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import undertow.errors
from undertow.errors import MOST_CHARACTERS, DataError, UndertowError, UndertowWarning
from undertow.training import TrainingWarning

KINDS = [
    each
    for each in (*vars(undertow.errors).values(), TrainingWarning)
    if isinstance(each, type) and issubclass(each, UndertowError | UndertowWarning)
]


@pytest.mark.parametrize("kind", KINDS)
@given(message=st.text(max_size=300))
def test_any_text(kind: type[Exception], message: str) -> None:
    said = str(kind(message))
    assert said.isprintable()
    assert said == message or not message.isprintable()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_quoted_whole(kind: type[Exception]) -> None:
    assert str(kind("the file caf\u00e9.npz: 3 of 4")) == "the file caf\u00e9.npz: 3 of 4"
    assert str(kind("a\x1b[31m\nb")) == "a\\x1b[31m b"


@pytest.mark.parametrize("kind", KINDS)
def test_endless_words_and_messages_are_cut(kind: type[Exception]) -> None:
    said = str(kind(f"no file {Path('/', 'x' * 4000, 'end.npz')}: check the path."))
    assert said.startswith("no file /xxx")
    assert said.endswith("x/end.npz: check the path.")
    assert len(said) < 400
    assert len(str(kind("many words " * 1000))) <= MOST_CHARACTERS + 1


def test_they_travel_between_processes_and_categories_are_kept() -> None:
    again = copy.copy(DataError("a\x1bb"))  # by the protocol that sends it
    assert (type(again), str(again)) == (DataError, "a\\x1bb")
    with pytest.warns(TrainingWarning, match=r"steps\\x07 are few"):
        warnings.warn("steps\x07 are few", TrainingWarning, stacklevel=1)
