"""Cells of tables are short, and no number is a power of ten that a reader must work out."""

import pytest

from undertow.experiments.text_tables import cell_text, markdown_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (1234567, "1,234,567"),
        (0.0123456, "0.0123"),
        (99.96, "100"),
        (999.7, "1,000"),
        (1163.2, "1,163"),
        (-2345.6, "-2,346"),
        (3.2e9, "3.2e+09"),
        ("lds", "lds"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_a_table() -> None:
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
