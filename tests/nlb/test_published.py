"""Published scores: the tables of the guide are those of the module, and widths never mix."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from undertow.errors import DataError
from undertow.nlb import NLB_SETS, nlb_set, published_scores
from undertow.nlb.published import PUBLISHED

GUIDE = Path(__file__).parents[2] / "docs" / "neural-latents-benchmark.md"
Number = tuple[str, str, int, str, float]
"""Model, set, bin width, score, value."""


def of_the_module() -> set[Number]:
    return {
        (row.model, row.set_name, row.bin_ms, name, value)
        for row in PUBLISHED
        for name, value in row.values.items()
    }


def of_the_guide() -> Iterator[Number]:
    """Every number of the tables under '### 20 ms bins' and '### 5 ms bins'."""
    text = GUIDE.read_text(encoding="utf-8")
    for bin_ms, section in re.findall(r"^### (\d+) ms bins\n(.*?)(?=^##)", text, re.M | re.S):
        for table in re.findall(r"(?:^\|.*\n)+", section, re.M):
            heads, _, *rows = [
                [cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()
            ]
            columns = list(named(heads[1:]))
            for model, *cells in rows:
                for (set_name, score), cell in zip(columns, cells, strict=True):
                    if cell != "–":
                        value = float(cell.replace("−", "-"))
                        yield model, set_name, int(bin_ms), score, value


def named(heads: list[str]) -> Iterator[tuple[str, str]]:
    """The set and score of each column: a set is named at the first of its scores."""
    set_name = ""
    for head in heads:
        first, _, rest = head.partition(" ")
        if first.lower() in NLB_SETS:
            set_name, head = first.lower(), rest
        yield set_name, head


def test_the_tables_of_the_guide_are_those_of_the_module() -> None:
    found = list(of_the_guide())
    assert len(found) == len(set(found)) > 200
    assert set(found) == of_the_module()


def test_every_row_is_of_one_set_and_width_with_its_source() -> None:
    known = [(row.model, row.set_name, row.bin_ms) for row in PUBLISHED]
    assert len(known) == len(set(known))
    for row in PUBLISHED:
        entry = nlb_set(row.set_name)
        allowed = {"co-bps", "fp-bps", "tp corr" if entry.produced_column else "vel R2"}
        allowed |= {"psth R2"} if entry.conditions else set()
        assert "co-bps" in row.values, row
        assert row.values.keys() <= allowed, row
        assert re.search(r"\d{4}", row.source), row


def test_one_set_at_one_width_best_first() -> None:
    fine, coarse = published_scores("mc_maze", 5), published_scores("mc_maze", 20)
    assert [(row.model, row.values["co-bps"]) for row in fine[:2]] == [
        ("GRAFT (ensemble)", 0.3866),
        ("STNDT (ensemble)", 0.3862),
    ]
    assert {row.bin_ms for row in fine} == {5}
    assert {row.bin_ms for row in coarse} == {20}
    scores = [row.values["co-bps"] for row in coarse]
    assert scores == sorted(scores, reverse=True)
    assert published_scores("mc_maze_small", 5) == ()
    with pytest.raises(DataError, match="did you mean 'mc_maze'"):
        published_scores("mc_maz", 5)
    with pytest.raises(DataError, match="bins of 5 and of 20 ms"):
        published_scores("mc_maze", 10)
