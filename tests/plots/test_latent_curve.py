"""The figure of scores against latent size."""

from collections.abc import Mapping

import numpy as np
import pytest

from tests.plots.lines import line
from undertow import plots
from undertow.errors import UndertowError
from undertow.evaluation import Score


def score(value: float, low: float, high: float, std: float | None) -> Score:
    about = {"unit": "bits/spike", "split": "test", "n_trials": 40, "bin_s": 0.02, "n_neurons": 3}
    return Score(name="co-bps", value=value, low=low, high=high, std_over_folds=std, **about)


class Curve:
    """Two sizes and two scores."""

    size_name = "latent_dim"
    score_names = ("co-bps", "few-shot co-bps")
    scores: Mapping[int, Mapping[str, Score]] = {
        2: {
            "co-bps": score(0.1, 0.05, 0.2, 0.03),
            "few-shot co-bps": score(0.05, np.nan, np.nan, None),
        },
        8: {
            "co-bps": score(0.3, 0.2, 0.35, 0.01),
            "few-shot co-bps": score(-0.2, -0.1, 0.0, None),
        },
    }

    def smallest(self, name: str) -> int:
        return 8 if name == "co-bps" else 2

    def standard_error(self, name: str) -> float:
        return 0.02 if name == "co-bps" else 0.0


def test_a_panel_per_score_with_intervals_spread_and_the_size_that_does() -> None:
    first, second = axes = plots.latent_curve(Curve())
    assert [ax.get_title(loc="left") for ax in axes] == ["co-bps", "few-shot co-bps"]
    assert {ax.get_xlabel() for ax in axes} == {"latent_dim"}
    assert {ax.get_ylabel() for ax in axes} == {"bits/spike"}
    np.testing.assert_array_equal(first.get_lines()[0].get_xydata(), [[2, 0.1], [8, 0.3]])
    chosen = line(first, "smallest within one standard error")
    np.testing.assert_array_equal(chosen.get_xydata(), [[8, 0.3]])
    ends = [segment[:, 1].tolist() for segment in first.collections[0].get_segments()]
    assert ends == [pytest.approx([0.05, 0.2]), pytest.approx([0.2, 0.35])]
    spread = [segment[:, 1].tolist() for segment in first.collections[1].get_segments()]
    assert spread == [pytest.approx([0.07, 0.13]), pytest.approx([0.29, 0.31])]
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["2", "8"]


def test_without_scores_there_is_no_curve() -> None:
    class Failed(Curve):
        scores: Mapping[int, Mapping[str, Score]] = {}

    with pytest.raises(UndertowError, match="no size has scores"):
        plots.latent_curve(Failed())
