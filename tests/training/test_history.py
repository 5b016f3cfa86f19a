"""Rows of a training: the one whose weights were kept."""

import pytest

from undertow.training import kept_row


def rows(*scores: float | None, best: float | None) -> list[dict[str, float]]:
    history: list[dict[str, float]] = []
    for epoch, score in enumerate(scores, start=1):
        row = {"epoch": float(epoch)} | ({} if score is None else {"validation_score": score})
        history.append(row if best is None else row | {"best_score": best})
    return history


@pytest.mark.parametrize(
    ("history", "epoch"),
    [
        (rows(0.1, 0.3, 0.2, best=0.3), 2),
        (rows(0.1, 0.2, 0.3, best=0.3), 3),
        (rows(0.3, 0.2, 0.3, best=0.3), 3),  # of equal ones the later, as `keep='last'` keeps it
        (rows(0.3, None, best=0.3), 1),
    ],
)
def test_the_kept_row_is_the_one_of_the_best_score(
    history: list[dict[str, float]], epoch: int
) -> None:
    assert kept_row(history)["epoch"] == epoch


def test_no_row_was_kept_without_a_validation() -> None:
    assert kept_row([]) == {}
    assert kept_row(rows(None, None, best=None)) == {}
