"""Shards deal every fit once, about evenly, whatever order models come in."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.errors import UndertowError, UnfinishedError
from undertow.experiments import Cell, CellResult, Shard
from undertow.experiments.workers import check_all_there


@given(st.integers(1, 12), st.lists(st.integers(0, 30), max_size=4))
def test_every_fit_is_dealt_once_and_evenly(count: int, grids: list[int]) -> None:
    fits = [[(g, k) for k in range(n)] for g, n in enumerate(grids)]
    shards = [Shard(k + 1, count) for k in range(count)]
    dealt = [[fit for grid in fits for fit in shard.part(grid)] for shard in shards]
    assert sorted(fit for part in dealt for fit in part) == [fit for grid in fits for fit in grid]
    sizes = [len(part) for part in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_models_that_come_by_turns_do_not_go_to_one_shard_each() -> None:
    models = ["slow", "quick"] * 8
    for count in (2, 4):
        for k in range(count):
            part = Counter(Shard(k + 1, count).part(models))
            assert part["slow"] == part["quick"] == 8 // count


@pytest.mark.parametrize(
    "text", ["", "2", "0/3", "4/3", "1/0", "a/b", "-1/2", "1/2/3", "1/9999999"]
)
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UndertowError, match="it must be K/N, the K-th of N parts"):
        Shard.of(text)


def test_a_shard_is_written_as_it_is_read() -> None:
    assert str(Shard.of(" 2 / 8")) == "2/8"
    assert Shard.of(None) is None


def test_what_is_missing_of_other_shards_is_counted() -> None:
    cell = Cell("m", "d", 0, 0)
    there, missing = CellResult(cell, Path("a")), CellResult(cell, Path("b"), elsewhere=True)
    check_all_there([there, missing], None)
    check_all_there([there], Shard(1, 2))
    with pytest.raises(UnfinishedError, match="shard 1/2 is done, and 2 fits of other shards") as e:
        check_all_there([there, missing, missing], Shard(1, 2))
    assert e.value.left == 2
