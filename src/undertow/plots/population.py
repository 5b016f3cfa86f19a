"""The population's rate over time, observed and inferred."""

from matplotlib.figure import Figure

from undertow.analysis import PopulationRates, TimeAxis
from undertow.plots.style import (
    BASELINE,
    DASHED,
    MODEL,
    TRUTH,
    legend_above,
    mark_time,
    new_figure,
    styled,
)


@styled
def plot_population(
    population: PopulationRates,
    axis: TimeAxis,
    model_name: str = "model",
    baseline_name: str = "baseline",
) -> Figure:
    """A panel per part of the population."""
    figure = new_figure(2.9)
    axes = figure.subplots(1, len(population.names), squeeze=False, sharex=True)[0]
    for part, ax in enumerate(axes):
        ax.stairs(
            population.observed[part],
            axis.edges_s,
            color=TRUTH,
            linewidth=1.0,
            baseline=None,
            label="observed spikes",
        )
        if population.baseline is not None:
            ax.plot(
                axis.time_s,
                population.baseline[part],
                color=BASELINE,
                ls=DASHED,
                label=baseline_name,
            )
        ax.plot(axis.time_s, population.inferred[part], color=MODEL, label=model_name)
        mark_time(ax, axis)
        ax.set_ylim(bottom=0)
        ax.set_title(population.names[part])
        ax.set_ylabel("summed rate (spikes/s)")
    legend_above(figure, axes[0])
    return figure
