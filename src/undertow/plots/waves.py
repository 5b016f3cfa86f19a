"""`waves`: oscillator groups in space and time, inferred beside drawn from the prior."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from undertow import analysis
from undertow.analysis import TimeAxis
from undertow.analysis.examples import Which, example_trials
from undertow.data import Prediction
from undertow.errors import UndertowError
from undertow.names import listed
from undertow.plots.style import colour_map, mark_time, sized, styled, time_axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@styled
def waves(
    prediction: Prediction,
    prior: Mapping[str, np.ndarray] | None = None,
    *,
    name: str | None = None,
    trials: Which = 2,
    figure: FigureBase | None = None,
) -> np.ndarray:
    """Draw oscillator groups in space and time: a row per group, a column per single trial.

    The columns are the posterior mean, one posterior sample where there is one, and the prior. Each
    of these has one symmetric colour scale per row.

    Args:
        prediction: prediction whose latents are shown.
        prior: latent → (trials, time, dimension), drawn without data: `model.sample_prior(2,
            n_time)`. Without it, nothing tells waves of the data from those of the prior.
        name: which latent; the first that is made of oscillator groups by default.
        trials: ids of the trials to show, or how many examples.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, (groups, panels).

    Raises:
        UndertowError: without a latent made of oscillator groups, or for irregular times.
    """
    axis, name = time_axis(prediction), wave_latent(prediction, name)
    panels = _panels(prediction, prior or {}, name, example_trials(prediction.trials, trials))
    n_groups = prediction.groups[name]
    figure = sized(figure, 0.9 + 1.45 * n_groups)
    widths = [shown.shape[1] for shown in panels.values()]
    axes = figure.subplots(n_groups, sum(widths), squeeze=False, sharey=True)
    starts = np.cumsum([0, *widths[:-1]])
    for (heading, shown), start, width in zip(panels.items(), starts, widths, strict=True):
        for row, group in zip(axes[:, start : start + width], shown, strict=True):
            _draw_row(figure, row, group, axis, name)
        axes[0, start].set_title(heading)
    for group, row in enumerate(axes):
        row[0].set_ylabel(f"group {group + 1}\noscillator")
        for ax in row:
            ax.tick_params(labelbottom=group == n_groups - 1)
    figure.supxlabel(axis.label(), fontsize=9.5)
    return axes


def wave_latent(prediction: Prediction, name: str | None = None) -> str:
    """Return the latent asked for, or the first that consists of oscillator groups.

    Raises:
        UndertowError: when there is none, or this one is not.
    """
    known = [each for each in prediction.groups if each in prediction.latents]
    if not known:
        raise UndertowError(
            "no latent here is made of oscillator groups, as 'z' of a LangevinFlow with coupled "
            "oscillators is."
        )
    if name is not None and name not in known:
        raise UndertowError(
            f"the latent {name!r} is not made of oscillator groups: choose {listed(known)}."
        )
    return name or known[0]


def _panels(
    prediction: Prediction, prior: Mapping[str, np.ndarray], name: str, shown: np.ndarray
) -> dict[str, np.ndarray]:
    """Map headings to (groups, trials, space, time); bins past a trial's end are NaN."""
    n_groups, inside = prediction.groups[name], prediction.trials.valid[shown, :, None]
    found = {"inferred, posterior mean": np.where(inside, prediction.latents[name][shown], np.nan)}
    if name in prediction.latent_samples:
        sample = prediction.latent_samples[name][0][shown]
        found["inferred, one sample"] = np.where(inside, sample, np.nan)
    if name in prior:
        found["prior, no data"] = prior[name][: len(shown)]
    return {heading: analysis.wave_groups(values, n_groups) for heading, values in found.items()}


def _draw_row(
    figure: FigureBase, axes: np.ndarray, waves: np.ndarray, axis: TimeAxis, unit: str
) -> None:
    """Draw single trials of one group under one heading, with their colour bar.

    Waves are (trials, space, time).
    """
    limit = float(np.nanmax(np.abs(waves), initial=0.0)) or 1.0
    images = [_draw(ax, wave, axis, limit) for ax, wave in zip(axes, waves, strict=True)]
    bar = figure.colorbar(images[0], ax=list(axes), aspect=14, pad=0.01, fraction=0.06)
    bar.locator = MaxNLocator(4, symmetric=True)
    bar.update_ticks()
    bar.ax.set_title(unit, loc="center", fontsize=8.5)


def _draw(ax: "Axes", wave: np.ndarray, axis: TimeAxis, limit: float) -> Any:
    """Draw one heat map, (space, time), with zero in the middle of the colours.

    It may end before the axis does.
    """
    n_space, n_time = wave.shape
    stop_s = axis.start_s + n_time * axis.bin_s
    mark_time(ax, axis, label=False)
    image = ax.imshow(
        np.ma.masked_invalid(wave),
        aspect="auto",
        extent=(axis.start_s, stop_s, n_space - 0.5, -0.5),
        cmap=colour_map("PuOr"),
        vmin=-limit,
        vmax=limit,
        interpolation="nearest",
    )
    ax.set_xlim(axis.start_s, stop_s)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return image
