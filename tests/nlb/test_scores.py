"""Scores with their set and bin width: names, means, differences, and what does not compare."""

import pytest

from undertow.errors import DataError
from undertow.nlb import NLBScores, mean_nlb_scores

ONE = NLBScores("mc_maze", 20, {"co-bps": 0.3, "vel R2": 0.8})
OTHER = NLBScores("mc_maze", 20, {"co-bps": 0.1, "vel R2": 0.9})


def test_names() -> None:
    assert ONE.named == {"mc_maze_20_split": {"co-bps": 0.3, "vel R2": 0.8}}
    assert NLBScores("mc_maze_scaling", 5, {"[100] co-bps": 0.2}).split == "mc_maze_scaling_split"


def test_mean_and_difference() -> None:
    mean, difference = mean_nlb_scores([ONE, OTHER]), ONE.minus(OTHER)
    assert (mean.split, difference.split) == (ONE.split, ONE.split)
    assert mean.values == pytest.approx({"co-bps": 0.2, "vel R2": 0.85})
    assert difference.values == pytest.approx({"co-bps": 0.2, "vel R2": -0.1})


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            NLBScores("mc_maze", 5, ONE.values),
            "scores of mc_maze at 5 ms bins and of mc_maze at 20 ms bins are not comparable: "
            "compare or average",
        ),
        (
            NLBScores("mc_rtt", 20, ONE.values),
            "mc_rtt at 20 ms bins and of mc_maze at 20 ms bins are not",
        ),
        (NLBScores("mc_maze", 20, {"co-bps": 0.1}), "only some of the scores have vel R2"),
    ],
)
def test_what_does_not_compare(other: NLBScores, message: str) -> None:
    with pytest.raises(DataError, match=message):
        mean_nlb_scores([ONE, OTHER, other])
    with pytest.raises(DataError, match=message):
        ONE.minus(other)


def test_no_scores() -> None:
    with pytest.raises(DataError, match="there are no scores to average"):
        mean_nlb_scores([])
