"""`training`: training curves of whatever columns the history has."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from undertow import analysis
from undertow.errors import UndertowError
from undertow.models import Estimator
from undertow.plots.style import BASELINE, MODEL, sized, styled

SIDES = {"train": MODEL, "validation": BASELINE, "val": BASELINE, "valid": BASELINE}
COLUMNS, TITLE_WIDTH = 4, 28
NOT_DRAWN = ("epoch", "seconds", "best_score")
UNITS = {
    "loss": "nats per trial",
    "negative_log_likelihood": "nats per trial",
    "kl": "nats per trial",
    "learning_rate": "step size",
    "validation_score": "the score chosen by",
}
DOTTED_UP_TO = 20  # rows, so that a single one is seen


@styled
def training(
    model: Estimator | Sequence[Mapping[str, Any]], *, figure: FigureBase | None = None
) -> np.ndarray:
    """Draw a panel per quantity against epoch; 'train_x' and 'validation_x' share one.

    Seconds are left out: they are no course of learning.

    Args:
        model: fitted, or the rows of a history: 'epoch', then any numbers.
        figure: the figure to draw into; by default a new one of pyplot.

    Returns:
        Axes, one per panel.

    Raises:
        UndertowError: when there is no history, or it holds nothing but epochs.
    """
    rows = getattr(model, "history_", ()) if isinstance(model, Estimator) else model
    columns = analysis.history_columns(rows)
    panels: dict[str, list[str]] = {}
    for name in columns:
        if name not in NOT_DRAWN:
            panels.setdefault(_quantity(name), []).append(name)
    if not panels:
        raise UndertowError("the training history holds no numbers besides the epoch.")
    n_rows = -(-len(panels) // COLUMNS)
    figure = sized(figure, 0.4 + 2.1 * n_rows)
    axes = figure.subplots(n_rows, min(COLUMNS, len(panels)), squeeze=False).ravel()
    dot = "o" if len(columns["epoch"]) <= DOTTED_UP_TO else None
    for ax, (quantity, names) in zip(axes, panels.items(), strict=False):
        for name in names:
            look: dict[str, Any] = {"color": SIDES.get(name.split("_")[0], MODEL), "marker": dot}
            ax.plot(columns["epoch"], columns[name], label=name, markersize=3, **look)
        ax.set_xlim(0, 1.05 * max(float(columns["epoch"].max()), 1.0))
        ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        title = (quantity if len(names) > 1 else names[0]).replace("_", " ")
        ax.set_title(fill(title, TITLE_WIDTH))
        ax.set_xlabel("epoch")
        ax.set_ylabel(unit_of(quantity))
        if len(names) > 1:
            ax.legend()
    for ax in axes[len(panels) :]:
        ax.set_visible(False)
    return axes[: len(panels)]


def _quantity(name: str) -> str:
    """Return what a column measures: 'loss' for 'train_loss' and 'validation_loss'."""
    side, _, rest = name.partition("_")
    return rest if side in SIDES and rest else name


def unit_of(quantity: str) -> str:
    """The unit of a column of the history; empty where it has none that is known."""
    return next((unit for start, unit in UNITS.items() if quantity.startswith(start)), "")
