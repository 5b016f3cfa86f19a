"""What a report gains for a model that generates; reports on irregular times."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models.small_sde import fit, small
from tests.plots.test_figures import drawn
from tests.report.records import make_record
from undertow import analysis, plots
from undertow.analysis import (
    TimeAxis,
    coupling_over_time,
    natural_frequencies,
    phase_portrait,
    predicted_behavior,
)
from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.errors import UndertowError
from undertow.evaluation import score_prediction
from undertow.experiments import run
from undertow.experiments.reporting import generation_fields
from undertow.models import Ensemble, LatentSDE
from undertow.report import RunRecord, write_report
from undertow.report.draw_dynamics import NOT_IDENTIFIABLE, draw_coupling
from undertow.report.draw_generated import draw_predicted_behavior
from undertow.report.figures import FIGURES, GENERATIVE_FIGURES, figures_of

OURS = {kind.name for kind in GENERATIVE_FIGURES}


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    set_ = make_small_trials(24)
    return set_.replace(region=np.array(["A", "B"] * 5), stimulus=np.ones((24, 20, 1)))


@pytest.fixture(scope="module")
def model(trials: TrialSet) -> LatentSDE:
    return fit(trials, state_dim=8, regions="split")


def make_generative(model: LatentSDE, trials: TrialSet, **changes: Any) -> RunRecord:
    inferred, generated = model.predict(trials), model.predict_generated(trials)
    fields: dict[str, Any] = {
        "model_name": "latent-sde",
        "prediction": inferred,
        "train_prediction": inferred,
        "baseline_prediction": None,
        "scores": {"latent-sde": score_prediction(inferred, resamples=20)},
        "differences": {},
        "generated": generated.prediction,
        "seen_bins": generated.seen_bins,
        "frequencies": natural_frequencies(model),
        "coupling": coupling_over_time(model, trials),
        "portrait": phase_portrait(model, trials, paths=2),
    }
    return make_record(trials, **{**fields, **changes})


def test_only_generating_models_have_these_figures(model: LatentSDE, trials: TrialSet) -> None:
    assert figures_of(make_record()) == FIGURES
    assert figures_of(make_generative(model, trials)) == FIGURES + GENERATIVE_FIGURES


@pytest.mark.parametrize("kind", GENERATIVE_FIGURES, ids=lambda kind: kind.name)
def test_figures_are_drawn_labelled_and_explained(
    model: LatentSDE, trials: TrialSet, kind: Any
) -> None:
    from matplotlib.image import imread

    figure, caption = kind.draw(make_generative(model, trials))
    assert caption.endswith(".")
    identified = kind.name in ("generated_rates", "predicted_behavior")
    assert (NOT_IDENTIFIABLE in caption) != identified
    assert all(
        ax.get_xlabel() or ax.get_ylabel() or ax.get_title() or ax.lines for ax in figure.axes
    )
    image = imread(io.BytesIO(plots.png_bytes(figure)))[..., :3]
    assert image.shape[1] == 1650
    assert 0.005 < (image < 0.9).any(axis=2).mean() < 0.9


def test_what_there_is_none_of_is_left_out_with_its_reason(
    model: LatentSDE, trials: TrialSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.report.write.figures_of", lambda record: GENERATIVE_FIGURES)
    record = make_generative(
        model,
        trials,
        frequencies=None,
        coupling=None,
        portrait=None,
        missing={"portrait": "no drift here."},
    )
    page = write_report(record, tmp_path).read_text(encoding="utf-8")
    assert "Phase portrait: no drift here." in page
    assert "Natural frequencies: latent-sde has none." in page
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} & OURS == {
        "generated_rates",
        "predicted_behavior",
    }


def test_predicted_behaviour_is_drawn_beside_what_was_measured(
    model: LatentSDE, trials: TrialSet
) -> None:
    inferred, generated = model.predict(trials), model.predict_generated(trials)
    data = predicted_behavior(inferred, generated.prediction, n_trials=3)
    figure = plots.plot_predicted_behavior(data, TimeAxis.of(trials), generated.seen_bins)
    shown = analysis.example_trials(trials, 3)
    np.testing.assert_array_equal(drawn(figure, 4, "measured"), trials.behavior[shown[1], :, 1])
    np.testing.assert_array_equal(drawn(figure, 4, "inferred"), inferred.behavior[shown[1], :, 1])
    np.testing.assert_array_equal(
        drawn(figure, 4, "generated"), generated.prediction.behavior[shown[1], :, 1]
    )
    assert data.high is not None
    reach = 1.6448536 * inferred.behavior_std[shown[1], :, 1]
    np.testing.assert_allclose(data.high[1, :, 1] - data.inferred[1, :, 1], reach, rtol=1e-4)
    dotted = [line for line in figure.axes[0].get_lines() if line.get_linestyle() == ":"]
    assert dotted[0].get_xdata()[0] == pytest.approx(0.06)
    with pytest.raises(UndertowError, match="predicts no behaviour"):
        predicted_behavior(make_record().prediction)


def test_categories_of_behaviour_are_drawn_as_steps_without_a_band(trials: TrialSet) -> None:
    fast = (trials.behavior > 0).astype(float)
    staged = trials.replace(behavior=fast, behavior_kind="categorical")
    model = fit(staged, state_dim=8)
    record = make_generative(model, staged, coupling=None)
    figure, caption = draw_predicted_behavior(record)
    assert "In each bin the likeliest category is drawn." in caption
    assert "Band" not in caption
    steps = [
        line for line in figure.axes[0].get_lines() if line.get_label() in ("measured", "generated")
    ]
    assert {line.get_drawstyle() for line in steps} == {"steps-mid"}
    assert set(figure.axes[0].get_yticks()) == {0.0, 1.0}
    assert figure.axes[0].get_ylabel().endswith("(category)")
    generated = generation_fields(model, staged)["generated"]
    shown = analysis.example_trials(staged, 4)[0]
    np.testing.assert_array_equal(drawn(figure, 0, "generated"), generated.behavior[shown, :, 0])


def test_coupling_and_frequencies_draw_every_value(model: LatentSDE, trials: TrialSet) -> None:
    coupling, frequencies = coupling_over_time(model, trials), natural_frequencies(model)
    figure = plots.plot_coupling(coupling, TimeAxis.of(trials))
    np.testing.assert_allclose(figure.axes[2].images[0].get_array(), coupling.mean[-1])
    onto = next(ax for ax in figure.axes if ax.get_title(loc="left") == "onto B")
    line = next(line for line in onto.get_lines() if line.get_label() == "A")
    np.testing.assert_allclose(line.get_ydata(), coupling.between_regions()["A", "B"][0])
    assert onto.get_ylim()[0] == 0
    assert onto.get_ylim()[1] >= max(values.max() for values in coupling.between_regions().values())
    rows = plots.plot_frequencies(frequencies).axes[0]
    np.testing.assert_array_equal(rows.get_lines()[0].get_xdata(), frequencies.of("A")[0])
    assert [label.get_text() for label in rows.get_yticklabels()] == ["A (2)", "B (2)"]


def test_an_ensemble_shows_the_spread_over_its_members(trials: TrialSet) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ensemble = Ensemble(small(), 2).fit(trials)
    fields = generation_fields(ensemble, trials)
    assert not fields["missing"]
    assert fields["seen_bins"] == 3
    np.testing.assert_array_equal(
        fields["generated"].rates, ensemble.predict_generated(trials).prediction.rates
    )
    _, caption = draw_coupling(make_generative(ensemble.members_[0], trials, **fields))
    assert "Mean and standard deviation over 2 fits that differ in their seed" in caption
    assert {"generated bps", "generated behavior R2"} <= set(ensemble.score(trials))
    assert generation_fields(Smoothing().fit(trials), trials) == {}


def test_a_run_on_irregular_times_is_reported_without_what_needs_a_grid(
    trials: TrialSet, tmp_path: Path
) -> None:
    jitter = np.random.default_rng(0).uniform(0, 0.008, (24, 20))
    moved = trials.replace(times=trials.time_s + jitter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = run(moved, small(), tmp_path / "run")
    assert set(done.table.scores) == {"latent-sde"}
    assert "psth R2" not in done.table.scores["latent-sde"]
    page = done.report.read_text(encoding="utf-8")
    assert "Spikes and inferred rates: the trials have irregular times" in page
    assert "at irregular times after" in page
    names = {path.stem for path in (tmp_path / "run" / "figures").glob("*.png")}
    assert {"neuron_scores", "training", "frequencies"} <= names
    assert not names & {"rasters", "psth", "coupling", "generated_rates"}
