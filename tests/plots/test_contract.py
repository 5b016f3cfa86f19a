"""What every figure promises: axes with data and labels in the figure given, settings untouched,
its reason where it does not apply."""

import inspect
import io
from collections.abc import Callable
from functools import cache
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.image import imread

from tests.models import small_gp, small_sde
from tests.plots.lines import BASELINE, PREDICTION, SWITCHING, TRAIN, TRIALS
from tests.plots.test_latent_curve import Curve
from tests.plots.test_tuning import SEARCH
from undertow import plots
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.evaluation import Score
from undertow.models import LatentSDE
from undertow.models.base import Generated
from undertow.plots import style
from undertow.plots.style import image_bytes, off_screen


@cache
def behaving() -> tuple[Prediction, Generated]:
    """Inferred and generated behaviour of a small model."""
    model = small_sde.fitted()
    generated = model.predict_generated(small_sde.TRIALS)
    assert generated is not None
    return model.predict(small_sde.TRIALS), generated


def score(value: float) -> Score:
    return Score(
        name="co-bps",
        value=value,
        unit="bits/spike",
        split="test",
        low=value - 0.1,
        high=value + 0.1,
        n_trials=10,
        bin_s=0.02,
        n_neurons=5,
    )


CURVES = {n: {"a": {"co-bps": score(n / 50)}, "b": {"co-bps": score(0.3)}} for n in (10, 20)}
PAIR = np.array([0.1, 0.4, np.nan, 0.2]), np.array([0.2, 0.3, 0.1, 0.25])
DECODED = {"train": TRAIN, "baseline_train": TRAIN}
CALLS: dict[str, Callable[..., Any]] = {
    "behavior": lambda **o: plots.behavior(*behaving(), **o),
    "coupling": lambda **o: plots.coupling(small_sde.fitted(), small_sde.TRIALS, **o),
    "drift_field": lambda **o: plots.drift_field(small_gp.fitted(), small_gp.TRIALS, points=8, **o),
    "generated": lambda **o: plots.generated(*behaving(), **o),
    "hand_paths": lambda **o: plots.hand_paths(PREDICTION, BASELINE, **DECODED, **o),
    "latent_curve": lambda **o: plots.latent_curve(Curve(), **o),
    "latents": lambda **o: plots.latents(PREDICTION, **o),
    "learning_curves": lambda **o: plots.learning_curves(CURVES, ["co-bps"], **o),
    "model_pair": lambda **o: plots.model_pair(PAIR, PAIR, ("a", "b"), **o),
    "neurons": lambda **o: plots.neurons(PREDICTION, BASELINE, **o),
    "oscillators": lambda **o: plots.oscillators(small_sde.fitted(), **o),
    "phase_portrait": lambda **o: plots.phase_portrait(
        small_sde.fitted(), small_sde.TRIALS, points=8, paths=2, **o
    ),
    "population": lambda **o: plots.population(PREDICTION, BASELINE, **o),
    "predictive": lambda **o: plots.predictive(PREDICTION, **o),
    "psth": lambda **o: plots.psth(PREDICTION, BASELINE, **o),
    "psth_spikes": lambda **o: plots.psth_spikes(PREDICTION, **o),
    "rasters": lambda **o: plots.rasters(PREDICTION, BASELINE, **o),
    "regimes": lambda **o: plots.regimes(SWITCHING, **o),
    "score_intervals": lambda **o: plots.score_intervals(CURVES[20], {"co-bps": ["a"]}, **o),
    "single_trials": lambda **o: plots.single_trials(PREDICTION, BASELINE, **o),
    "training": lambda **o: plots.training([{"epoch": 1, "loss": 2.0}], **o),
    "tuning": lambda **o: plots.tuning(SEARCH, **o),
    "velocity": lambda **o: plots.velocity(PREDICTION, BASELINE, **DECODED, **o),
    "waves": lambda **o: plots.waves(PREDICTION, {"z": np.ones((2, 15, 4))}, **o),
}
every_figure = pytest.mark.parametrize("name", plots.__all__)


def axes_of(made: Any) -> list[Axes]:
    """Axes or an array of them as a list."""
    return [made] if isinstance(made, Axes) else list(made.ravel())


def labelled(ax: Axes) -> bool:
    return bool(ax.get_xlabel() or ax.get_ylabel() or ax.get_title(loc="left"))


@every_figure
def test_axes_with_data_and_labels_in_the_figure_given(name: str) -> None:
    before = {key: matplotlib.rcParams[key] for key in style.STYLE}
    figure = off_screen()
    axes = axes_of(CALLS[name](figure=figure))
    assert {key: matplotlib.rcParams[key] for key in style.STYLE} == before
    assert axes
    assert set(axes) <= set(figure.axes)
    assert all(ax.get_visible() and ax.has_data() for ax in axes)
    assert labelled(axes[0])
    words = [ax.get_xlabel() for ax in axes] + [figure.get_supxlabel()]
    assert any(words), "no horizontal axis says what it is"
    image = imread(io.BytesIO(image_bytes(figure)))[..., :3]
    assert image.shape[1] == style.WIDTH_IN * style.DPI
    assert 0.005 < (image < 0.9).any(axis=2).mean() < 0.9


@every_figure
def test_without_a_figure_pyplot_makes_one(name: str) -> None:
    from matplotlib import pyplot

    axes = axes_of(CALLS[name]())
    assert pyplot.get_fignums() == [1]
    assert axes[0].figure.get_figure(root=True) is pyplot.figure(1)  # type: ignore[call-arg]


@every_figure
def test_a_subfigure_is_drawn_into(name: str) -> None:
    figure = off_screen()
    figure.set_layout_engine("constrained")
    figure.set_size_inches(16, 8)
    left, right = figure.subfigures(1, 2)
    axes = axes_of(CALLS[name](figure=right))
    assert set(axes) <= set(figure.axes)
    assert not left.axes
    assert image_bytes(figure).startswith(b"\x89PNG")
    assert figure.get_size_inches().tolist() == [16, 8]


@every_figure
def test_every_figure_has_the_same_manners(name: str) -> None:
    assert set(CALLS) == set(plots.__all__)
    parameters = inspect.signature(getattr(plots, name)).parameters
    assert parameters["figure"].default is None
    assert parameters["figure"].kind is inspect.Parameter.KEYWORD_ONLY
    for word in ("Args:", "Raises:"):
        assert word in (inspect.getdoc(getattr(plots, name)) or "")


OF_PREDICTIONS = sorted(
    {
        name
        for name in plots.__all__
        if "prediction" in inspect.signature(getattr(plots, name)).parameters
    }
)


@pytest.mark.parametrize("name", OF_PREDICTIONS)
def test_what_is_no_prediction_is_refused_with_what_to_pass(name: str) -> None:
    more = {"generated": behaving()[1]} if name == "generated" else {}
    with pytest.raises(UndertowError, match=r"LatentSDE: pass model\.predict\(trials\)"):
        getattr(plots, name)(LatentSDE(), **more)


@pytest.mark.parametrize(
    "name",
    [n for n in OF_PREDICTIONS if "baseline" in inspect.signature(getattr(plots, n)).parameters],
)
def test_a_baseline_of_other_trials_is_refused(name: str) -> None:
    with pytest.raises(UndertowError, match="pass predictions for the same trials"):
        getattr(plots, name)(PREDICTION, TRAIN)


@pytest.mark.parametrize("name", ["psth", "rasters", "latents", "population", "regimes", "waves"])
def test_irregular_times_are_refused(name: str) -> None:
    moved = TRIALS.replace(times=np.broadcast_to(TRIALS.time_s, (12, 15)))
    with pytest.raises(UndertowError, match="irregular times"):
        getattr(plots, name)(Prediction(PREDICTION.rates, moved, PREDICTION.latents))
