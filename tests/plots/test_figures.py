"""Figures draw exactly what analysis returns, with units on their axes."""

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from tests.report.records import make_prediction, make_record, make_trials
from undertow import analysis, plots
from undertow.analysis import TimeAxis
from undertow.plots import style
from undertow.report.figure import FigureKind
from undertow.report.figures import FIGURES

AXIS = TimeAxis.of(make_trials())


def drawn(figure: Figure, panel: int, label: str) -> np.ndarray:
    """The y values of the line of this name."""
    lines = [line for line in figure.axes[panel].get_lines() if line.get_label() == label]
    assert len(lines) == 1
    return np.asarray(lines[0].get_ydata())


@pytest.mark.parametrize("kind", FIGURES, ids=lambda kind: kind.name)
def test_every_panel_is_labelled_and_settings_stay_as_they_were(kind: FigureKind) -> None:
    before = {key: matplotlib.rcParams[key] for key in style.STYLE}
    figure, caption = kind.draw(make_record())
    assert {key: matplotlib.rcParams[key] for key in style.STYLE} == before
    assert caption.endswith(".")
    shown = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
    words = " ".join([*(ax.get_xlabel() for ax in shown), figure.get_supxlabel()])
    by_time = kind.name not in ("hand_paths", "neuron_scores", "training")
    assert ("time from go cue (s)" if by_time else shown[0].get_xlabel()) in words
    assert words.strip()
    assert shown[0].get_ylabel() or shown[0].get_title(loc="left")


def test_single_trials_draw_rates_truth_band_and_spikes() -> None:
    data = analysis.single_trial_rates(
        make_prediction(make_trials(), samples=200), make_prediction(make_trials())
    )
    figure = plots.plot_single_trials(data, AXIS, "mine", "theirs")
    n_trials = data.rates.shape[0]
    assert data.truth is not None
    assert data.baseline is not None
    assert data.low is not None
    for neuron, trial in ((0, 0), (2, 1)):
        panel = neuron * n_trials + trial
        np.testing.assert_array_equal(drawn(figure, panel, "mine"), data.rates[trial, :, neuron])
        np.testing.assert_array_equal(
            drawn(figure, panel, "true rate"), data.truth[trial, :, neuron]
        )
        np.testing.assert_array_equal(
            drawn(figure, panel, "theirs"), data.baseline[trial, :, neuron]
        )
        band, ticks = figure.axes[panel].collections[:2]
        assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(
            data.low[trial, :, neuron].min()
        )
        assert len(ticks.get_paths()) == (data.spikes[trial, :, neuron] > 0).sum()
    assert figure.axes[0].get_ylabel() == "rate (spikes/s)"
    assert figure.axes[0].get_ylim()[0] == 0


def test_psth_draws_every_condition_and_nothing_is_cut_off() -> None:
    data = analysis.psth(make_prediction(make_trials()), make_prediction(make_trials(), seed=5))
    figure = plots.plot_psth(data, AXIS)
    n_neurons = len(data.neuron_names)
    assert data.baseline is not None
    for row, values in enumerate((data.reference, data.inferred, data.baseline)):
        for neuron in range(n_neurons):
            ax = figure.axes[row * n_neurons + neuron]
            for k in range(len(data.labels)):
                np.testing.assert_array_equal(ax.get_lines()[k].get_ydata(), values[k, :, neuron])
            assert ax.get_ylim()[1] >= values[:, :, neuron].max()
    assert "spikes/s" in figure.axes[0].get_ylabel()


def test_psth_with_spikes_draws_one_line_per_trial() -> None:
    data = analysis.psth(make_prediction(make_trials()))
    figure = plots.plot_psth_with_spikes(data, AXIS, "mine")
    n_neurons = len(data.neuron_names)
    np.testing.assert_array_equal(drawn(figure, 1, "mine"), data.inferred[0, :, 1])
    np.testing.assert_array_equal(drawn(figure, 1, "true rate"), data.reference[0, :, 1])
    trains = figure.axes[n_neurons + 1]
    assert len(trains.collections[0].get_paths()) == (data.spikes[0][:, :, 1] > 0).sum()
    assert trains.get_ylim() == (5.5, -0.5)


def test_rasters_draw_images_of_the_arrays_on_one_rate_scale() -> None:
    data = analysis.rasters(
        make_prediction(make_trials()), make_prediction(make_trials(), seed=5), n_trials=2
    )
    figure = plots.plot_rasters(data, AXIS)
    panels = figure.axes[:6]
    for row in range(2):
        for values, ax in zip(
            (data.spikes, data.rates, data.baseline), panels[3 * row : 3 * row + 3], strict=True
        ):
            assert values is not None
            np.testing.assert_array_equal(ax.images[0].get_array(), values[row].T)
    assert panels[1].images[0].norm.vmax == panels[2].images[0].norm.vmax
    assert panels[0].images[0].get_extent() == [AXIS.start_s, AXIS.stop_s, 5.5, -0.5]
    assert [ax.get_xlabel() for ax in figure.axes[6:]] == ["spikes per bin", "spikes/s", "spikes/s"]


def test_components_name_their_share_of_variance() -> None:
    components = analysis.principal_components(make_prediction(make_trials()).latents["z"], n=2)
    figure = plots.plot_components(components, AXIS, make_trials().condition, "z")
    share = 100 * components.variance_share[1]
    assert figure.axes[1].get_ylabel() == f"PC 2 of z ({share:.0f} % of variance)"
    np.testing.assert_array_equal(
        figure.axes[1].get_lines()[3].get_ydata(), components.scores[3, :, 1]
    )
    plane = figure.axes[2].get_lines()[0]
    np.testing.assert_array_equal(np.column_stack(plane.get_data()), components.scores[0])


def test_waves_share_a_symmetric_scale_within_a_row_of_one_kind() -> None:
    z = make_prediction(make_trials()).latents["z"]
    panels = {"inferred": analysis.wave_groups(z, 2), "prior": 10 * analysis.wave_groups(z, 2)}
    figure = plots.plot_waves(panels, AXIS, unit="z")
    first_row = figure.axes[:4]
    for ax, (kind, trial) in zip(
        first_row, [("inferred", 0), ("inferred", 1), ("prior", 0), ("prior", 1)], strict=True
    ):
        image = ax.images[0]
        np.testing.assert_array_equal(image.get_array(), panels[kind][0, trial])
        assert image.norm.vmin == -image.norm.vmax
        assert image.norm.vmax == np.abs(panels[kind][0, :2]).max()


def test_velocity_and_paths_draw_measured_and_decoded() -> None:
    test = make_prediction(make_trials())
    velocity = analysis.decoded_velocity(make_prediction(make_trials(20)), test)
    figure = plots.plot_velocity(velocity, AXIS, [0, 3], velocity, ("mine", "theirs"))
    np.testing.assert_array_equal(drawn(figure, 1, "measured"), velocity.true[3, :, 0])
    np.testing.assert_array_equal(drawn(figure, 2, "decoded from mine"), velocity.decoded[0, :, 1])
    assert figure.axes[2].get_ylabel() == "hand_vel_y\n(unit of the data)"
    measured, moved = analysis.hand_paths(velocity, test.trials)
    figure = plots.plot_hand_paths({"measured": measured, "mine": moved})
    path = np.column_stack(figure.axes[1].get_lines()[0].get_data())
    np.testing.assert_array_equal(
        path, moved.position[0][np.isfinite(moved.position[0]).all(axis=1)]
    )
    assert figure.axes[0].get_aspect() == 1


def test_neuron_scores_draw_held_out_neurons_apart() -> None:
    prediction = make_prediction(make_trials())
    table = analysis.neuron_table(prediction, make_prediction(make_trials(), seed=5))
    figure = plots.plot_neuron_scores(table, "mine", "theirs")
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    np.testing.assert_array_equal(heights, np.sort(table.score)[::-1])
    held_in, held_out = figure.axes[2].collections
    assert table.baseline is not None
    expected = np.column_stack([table.baseline, table.score])
    np.testing.assert_array_equal(held_in.get_offsets(), expected[~table.heldout])
    np.testing.assert_array_equal(held_out.get_offsets(), expected[table.heldout])
    assert figure.axes[2].get_xlabel() == "theirs (bits/spike)"


def test_training_puts_both_sides_of_one_quantity_together() -> None:
    columns = {
        "epoch": np.arange(3.0),
        "train_loss": np.ones(3),
        "validation_loss": np.zeros(3),
        "kl": np.ones(3),
    }
    figure = plots.plot_training(columns)
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["loss", "kl"]
    assert [line.get_label() for line in figure.axes[0].get_lines()] == [
        "train_loss",
        "validation_loss",
    ]


def test_population_draws_observed_steps_and_inferred_lines() -> None:
    data = analysis.population_rates(make_prediction(make_trials()))
    figure = plots.plot_population(data, AXIS, "mine")
    np.testing.assert_array_equal(drawn(figure, 1, "mine"), data.inferred[1])
    values, edges, _ = figure.axes[1].patches[0].get_data()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(values, data.observed[1])
    np.testing.assert_array_equal(edges, AXIS.edges_s)


@pytest.mark.parametrize(
    ("start_s", "forward_bins", "n_marks"), [(-0.1, 0, 1), (-0.1, 4, 2), (0.0, 0, 0)]
)
def test_event_and_forward_bins_are_marked(start_s: float, forward_bins: int, n_marks: int) -> None:
    ax = style.new_figure(2).subplots()
    style.mark_time(ax, TimeAxis(start_s, 0.02, 15, "go cue", forward_bins))
    assert len(ax.get_lines()) == n_marks
    assert len(ax.patches) == (1 if forward_bins else 0)
    assert ax.get_xlim() == pytest.approx((start_s, start_s + 0.3))


@pytest.mark.parametrize("n", [1, 9, 10, 65])
def test_conditions_have_different_colours(n: int) -> None:
    assert (
        len({tuple(np.atleast_1d(c)) for c in style.condition_colours(np.arange(n)).values()}) == n
    )
