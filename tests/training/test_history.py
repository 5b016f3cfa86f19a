"""Rows of a training: the one whose weights were kept."""

from typing import Literal

import pytest

from undertow.training import kept_row


def rows(keep: Literal["best", "last"], *scores: float) -> list[dict[str, float]]:
    """History as the training loop writes it, a row for each validation."""
    best = [max(scores[:n]) if keep == "best" else scores[n - 1] for n in range(1, len(scores) + 1)]
    return [
        {"epoch": float(n), "validation_score": score, "best_score": top}
        for n, (score, top) in enumerate(zip(scores, best, strict=True), start=1)
    ]


@pytest.mark.parametrize(
    ("history", "epoch"),
    [
        (rows("best", 0.1, 0.3, 0.2), 2),
        (rows("best", 0.1, 0.2, 0.3), 3),
        (rows("best", 0.3, 0.2, 0.3), 1),  # an equal score replaces nothing
        (rows("last", 0.3, 0.2, 0.3), 3),
        (rows("last", 0.3, 0.1), 2),
        ([*rows("best", 0.3, 0.2), {"epoch": 3.0}], 1),
    ],
)
def test_the_kept_row_is_that_of_the_kept_weights(
    history: list[dict[str, float]], epoch: int
) -> None:
    assert kept_row(history)["epoch"] == epoch


def test_no_row_was_kept_without_a_validation() -> None:
    assert kept_row([]) == {}
    assert kept_row([{"epoch": 1.0}, {"epoch": 2.0}]) == {}
