"""Training curves, whatever columns the history has."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from undertow.plots.style import BASELINE, MODEL, new_figure, styled

SIDES = {"train": MODEL, "validation": BASELINE, "val": BASELINE, "valid": BASELINE}


@styled
def plot_training(columns: Mapping[str, np.ndarray]) -> Figure:
    """A panel per quantity against epoch; 'train_x' and 'validation_x' share one."""
    panels: dict[str, list[str]] = {}
    for name in columns:
        if name != "epoch":
            panels.setdefault(_quantity(name), []).append(name)
    n_columns = min(4, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = new_figure(0.4 + 2.1 * n_rows)
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for ax, (quantity, names) in zip(axes.flat, panels.items(), strict=False):
        for name in names:
            ax.plot(
                columns["epoch"],
                columns[name],
                color=SIDES.get(name.split("_")[0], MODEL),
                label=name,
            )
        ax.set_title((quantity if len(names) > 1 else names[0]).replace("_", " "))
        ax.set_xlabel("epoch")
        if len(names) > 1:
            ax.legend()
    for ax in axes.flat[len(panels) :]:
        ax.set_visible(False)
    return figure


def _quantity(name: str) -> str:
    """'train_loss' and 'validation_loss' are both 'loss'; others keep their name."""
    side, _, rest = name.partition("_")
    return rest if side in SIDES and rest else name
