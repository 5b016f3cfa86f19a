"""Latents: components with their share of variance, waves on symmetric scales."""

import numpy as np
import pytest

from tests.plots.lines import PREDICTION, TRIALS, points
from undertow import analysis, plots
from undertow.data import Prediction
from undertow.errors import UndertowError


def test_components_name_their_share_of_variance() -> None:
    components = analysis.principal_components(PREDICTION.latents["z"], n=2)
    axes = plots.latents(PREDICTION, components=2, trials=TRIALS.trial_ids)
    assert len(axes) == 3
    share = 100 * components.variance_share[1]
    assert axes[1].get_ylabel() == f"PC 2 of z ({share:.0f} % of variance)"
    np.testing.assert_array_equal(axes[1].get_lines()[3].get_ydata(), components.scores[3, :, 1])
    np.testing.assert_array_equal(points(axes[2].get_lines()[0]), components.scores[0])
    assert axes[0].get_xlabel() == "time from go cue (s)"


def test_one_component_has_no_plane() -> None:
    assert len(plots.latents(PREDICTION, components=1)) == 1


def test_a_latent_that_is_not_there_is_refused() -> None:
    with pytest.raises(UndertowError, match="no latent 'v': the prediction has z"):
        plots.latents(PREDICTION, "v")
    with pytest.raises(UndertowError, match="no latents"):
        plots.latents(Prediction(PREDICTION.rates, TRIALS))


def test_waves_share_a_symmetric_scale_within_a_row_of_one_kind() -> None:
    z = PREDICTION.latents["z"]
    axes = plots.waves(PREDICTION, {"z": 10 * z}, trials=[0, 1])
    assert axes.shape == (2, 6)
    headings = [ax.get_title(loc="left") for ax in axes[0] if ax.get_title(loc="left")]
    assert headings == ["inferred, posterior mean", "inferred, one sample", "prior, no data"]
    for start, values in ((0, z), (2, PREDICTION.latent_samples["z"][0]), (4, 10 * z)):
        groups = analysis.wave_groups(values[:2], 2)
        for trial in range(2):
            image = axes[0, start + trial].images[0]
            np.testing.assert_array_equal(image.get_array(), groups[0, trial])
            assert image.norm.vmin == -image.norm.vmax
            assert image.norm.vmax == np.abs(groups[0]).max()
    assert axes[1, 0].get_ylabel() == "group 2\noscillator"


def test_waves_need_a_latent_made_of_oscillator_groups() -> None:
    with pytest.raises(UndertowError, match="made of oscillator groups"):
        plots.waves(Prediction(PREDICTION.rates, TRIALS, PREDICTION.latents))
    with pytest.raises(UndertowError, match="'h' is not made of oscillator groups: choose z"):
        plots.waves(PREDICTION, name="h")
