"""What would not fit into memory is refused with the number."""

import pytest

from undertow.errors import ModelError
from undertow.memory import check_memory, in_words, machine_memory


def test_the_machine_says_how_much_memory_there_is() -> None:
    assert machine_memory() > 1e8


def test_more_than_there_is_is_refused_with_both_numbers_and_the_way_out() -> None:
    check_memory(1e6, "counts", "take fewer.")
    with pytest.raises(ModelError, match=r"counts would take 1 EB of memory.*: take fewer\."):
        check_memory(10**18, "counts", "take fewer.", error=ModelError)


@pytest.mark.parametrize(
    ("size", "words"), [(1.5e9, "1.5 GB"), (8.2e8, "820 MB"), (512, "0.512 kB"), (3e19, "30 EB")]
)
def test_sizes_in_words(size: float, words: str) -> None:
    assert in_words(size) == words
