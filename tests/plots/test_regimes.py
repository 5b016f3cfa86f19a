"""Regimes: colours, paleness, lines between conditions, key."""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from tests.plots.lines import SWITCHING, TRIALS
from tests.report.records import make_prediction, make_record, make_trials, with_regimes
from undertow import plots
from undertow.data import Prediction
from undertow.plots.regimes import FAINTEST
from undertow.plots.style import LISTED_UP_TO, MISSING, NINE, off_screen
from undertow.report.sections import sections_of
from undertow.report.sections.regimes import REGIMES


def certain(shares: list[float], trials: int = 12) -> Prediction:
    every = np.broadcast_to(np.array(shares), (trials, 15, len(shares)))
    return replace(SWITCHING, latents={"regimes": every})


def painted(ax: Axes) -> np.ndarray:
    return np.asarray(ax.images[0].get_array())


def test_a_regime_has_its_colour_and_is_paler_the_less_certain_it_is() -> None:
    image = painted(plots.regimes(certain([0.0, 1.0]), figure=off_screen()))
    assert image.shape == (12, 15, 3)
    np.testing.assert_allclose(image[3, 4], to_rgb(NINE[1]), atol=1e-6)
    half = painted(plots.regimes(certain([0.25, 0.75]), figure=off_screen()))
    weight = FAINTEST + (1 - FAINTEST) * 0.5
    np.testing.assert_allclose(half[3, 4], 1 - weight * (1 - np.array(to_rgb(NINE[1]))), atol=1e-6)


def test_past_a_trials_end_there_is_no_regime() -> None:
    lengths = np.full(12, 15)
    lengths[0] = 5
    ended = with_regimes(make_prediction(make_trials(lengths=lengths)))
    image = painted(plots.regimes(ended, figure=off_screen()))
    np.testing.assert_allclose(image[0, 5:], np.broadcast_to(to_rgb(MISSING), (10, 3)), atol=1e-6)
    assert not np.allclose(image[0, 4], to_rgb(MISSING), atol=1e-3)


def test_conditions_are_parted_and_named_and_regimes_have_a_key() -> None:
    figure = off_screen()
    ax = plots.regimes(certain([0.2, 0.0, 0.8]), figure=figure)
    assert ax.get_ylabel() == "trial (by condition)"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "1"]
    lines = [float(np.asarray(line.get_ydata())[0]) for line in ax.get_lines()]
    assert 5.5 in lines
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["1 (0 %)", "2 (0 %)", "3 (100 %)"]


def test_many_regimes_and_trials_without_conditions_are_drawn() -> None:
    figure = off_screen()
    many = with_regimes(make_prediction(TRIALS.replace(condition=None)), 30)
    ax = plots.regimes(many, figure=figure)
    assert ax.get_ylabel() == "trial"
    assert len(figure.legends[0].get_texts()) == LISTED_UP_TO
    alone = plots.regimes(certain([1.0]), figure=off_screen())
    np.testing.assert_allclose(painted(alone)[0, 0], to_rgb(NINE[0]), atol=1e-6)


def test_the_report_shows_them_where_there_are_some() -> None:
    record = make_record()
    assert REGIMES in sections_of(record)
    caption = REGIMES.draw(record, off_screen())
    assert "Likeliest of 3 regimes in each bin of 12 test trials, sorted by condition" in caption
    without = replace(record, prediction=make_prediction(record.prediction.trials))
    assert REGIMES not in sections_of(without)
