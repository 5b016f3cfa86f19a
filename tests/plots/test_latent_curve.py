"""The figure of scores against latent size."""

import numpy as np
import pytest

from undertow import plots
from undertow.evaluation import Score


def score(value: float, low: float, high: float, std: float | None) -> Score:
    about = {"unit": "bits/spike", "split": "test", "n_trials": 40, "bin_s": 0.02, "n_neurons": 3}
    return Score(name="co-bps", value=value, low=low, high=high, std_over_folds=std, **about)


def test_a_panel_per_score_with_intervals_spread_and_the_size_that_does() -> None:
    by_size = {2: score(0.1, 0.05, 0.2, 0.03), 8: score(0.3, 0.2, 0.35, 0.01)}
    few = {2: score(0.05, np.nan, np.nan, None), 8: score(-0.2, -0.1, 0.0, None)}
    figure = plots.plot_latent_curve(
        "latent_dim",
        {"co-bps": by_size, "few-shot co-bps": few},
        {"co-bps": (8, 0.02), "few-shot co-bps": (2, 0.0)},
    )
    first, second = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["co-bps", "few-shot co-bps"]
    assert {ax.get_xlabel() for ax in figure.axes} == {"latent_dim"}
    assert {ax.get_ylabel() for ax in figure.axes} == {"bits/spike"}
    line, *_ = first.get_lines()
    np.testing.assert_array_equal(line.get_xydata(), [[2, 0.1], [8, 0.3]])
    chosen = next(
        each for each in first.get_lines() if str(each.get_label()).startswith("smallest")
    )
    np.testing.assert_array_equal(chosen.get_xydata(), [[8, 0.3]])
    ends = [segment[:, 1].tolist() for segment in first.collections[0].get_segments()]  # type: ignore[attr-defined]
    assert ends == [pytest.approx([0.05, 0.2]), pytest.approx([0.2, 0.35])]
    spread = [segment[:, 1].tolist() for segment in first.collections[1].get_segments()]  # type: ignore[attr-defined]
    assert spread == [pytest.approx([0.07, 0.13]), pytest.approx([0.29, 0.31])]
    assert [tick.get_text() for tick in second.get_xticklabels()] == ["2", "8"]
    assert plots.png_bytes(figure).startswith(b"\x89PNG")
