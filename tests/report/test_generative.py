"""What a report gains for a model that generates; reports on irregular times."""

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import make_small_trials
from tests.models import small_gp
from tests.models.small_sde import fit, small
from tests.plots.lines import drawn, line
from tests.report.records import make_record
from undertow import analysis, plots
from undertow.analysis import coupling_over_time, natural_frequencies, predicted_behavior
from undertow.baselines import Smoothing
from undertow.data import TrialSet
from undertow.dynamics import GRU
from undertow.errors import UndertowError
from undertow.evaluation import score_prediction
from undertow.experiments import run
from undertow.experiments.reporting import generation_fields
from undertow.models import Ensemble, LatentSDE
from undertow.plots.style import image_bytes, off_screen
from undertow.report import RunRecord, write_report
from undertow.report.section import NOT_IDENTIFIABLE, Section
from undertow.report.sections import SECTIONS, sections_of
from undertow.report.sections.dynamics import COUPLING, PHASE_PORTRAIT
from undertow.report.sections.generated import BEHAVIOR

GENERATIVE = tuple(section for section in SECTIONS if section.generative)
OURS = {section.name for section in GENERATIVE}


@pytest.fixture(scope="module")
def trials() -> TrialSet:
    set_ = make_small_trials(24)
    return set_.replace(region=np.array(["A", "B"] * 5), stimulus=np.ones((24, 20, 1)))


@pytest.fixture(scope="module")
def model(trials: TrialSet) -> LatentSDE:
    return fit(trials, latent_dim=8, regions="split")


def make_generative(model: LatentSDE, trials: TrialSet, **changes: Any) -> RunRecord:
    inferred, generated = model.predict(trials), model.predict_generated(trials)
    fields: dict[str, Any] = {
        "model_name": "latent-sde",
        "prediction": inferred,
        "train_prediction": inferred,
        "baseline_prediction": None,
        "scores": {"latent-sde": score_prediction(inferred, resamples=20)},
        "differences": {},
        "generated": generated,
        "models": [model],
    }
    return make_record(trials, **{**fields, **changes})


def test_only_generating_models_have_these_figures(model: LatentSDE, trials: TrialSet) -> None:
    given = tuple(s for s in SECTIONS if not s.searched)
    assert sections_of(make_record()) == tuple(s for s in given if s not in GENERATIVE)
    named = tuple(s for s in given if s.latent is None)
    assert sections_of(make_generative(model, trials)) == named


@pytest.mark.parametrize("section", GENERATIVE, ids=lambda section: section.name)
def test_figures_are_drawn_labelled_and_explained(
    model: LatentSDE, trials: TrialSet, section: Section
) -> None:
    from matplotlib.image import imread

    figure = off_screen()
    caption = section.draw(make_generative(model, trials), figure)
    assert caption.endswith(".")
    identified = section.name in ("generated_rates", "predicted_behavior")
    assert (NOT_IDENTIFIABLE in caption) != identified
    assert all(
        ax.get_xlabel() or ax.get_ylabel() or ax.get_title() or ax.lines for ax in figure.axes
    )
    image = imread(io.BytesIO(image_bytes(figure)))[..., :3]
    assert image.shape[1] == 1650
    assert 0.005 < (image < 0.9).any(axis=2).mean() < 0.9


def test_what_there_is_none_of_is_left_out_with_its_reason(
    model: LatentSDE, trials: TrialSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertow.report.write.sections_of", lambda record: GENERATIVE)
    neural = fit(trials, dynamics=GRU(4))
    record = make_generative(neural, trials)
    page = write_report(record, tmp_path / "neural").read_text(encoding="utf-8")
    assert "Phase portrait: GRU is no SDE: it has no drift to draw." in page
    assert "Natural frequencies: GRU has no natural frequencies" in page
    page = write_report(make_generative(model, trials, models=[]), tmp_path).read_text("utf-8")
    assert "Natural frequencies: latent-sde has none." in page
    assert {path.stem for path in (tmp_path / "figures").glob("*.png")} & OURS == {
        "generated_rates",
        "predicted_behavior",
    }


def test_predicted_behaviour_is_drawn_beside_what_was_measured(
    model: LatentSDE, trials: TrialSet
) -> None:
    inferred, generated = model.predict(trials), model.predict_generated(trials)
    data = predicted_behavior(inferred, generated.prediction, trials=3)
    axes = plots.behavior(inferred, generated, trials=3, figure=off_screen())
    assert axes.shape == (2, 3)
    shown = analysis.example_trials(trials, 3)
    np.testing.assert_array_equal(drawn(axes[1, 1], "measured"), trials.behavior[shown[1], :, 1])
    np.testing.assert_array_equal(drawn(axes[1, 1], "inferred"), inferred.behavior[shown[1], :, 1])
    np.testing.assert_array_equal(
        drawn(axes[1, 1], "generated"), generated.prediction.behavior[shown[1], :, 1]
    )
    assert data.high is not None
    reach = 1.6448536 * inferred.behavior_std[shown[1], :, 1]
    np.testing.assert_allclose(data.high[1, :, 1] - data.inferred[1, :, 1], reach, rtol=1e-4)
    dotted = [each for each in axes[0, 0].get_lines() if each.get_linestyle() == ":"]
    assert dotted[0].get_xdata()[0] == pytest.approx(0.06)
    with pytest.raises(UndertowError, match="predicts no behaviour"):
        predicted_behavior(make_record().prediction)


def test_categories_of_behaviour_are_drawn_as_steps_without_a_band(trials: TrialSet) -> None:
    fast = (trials.behavior > 0).astype(float)
    staged = trials.replace(behavior=fast, behavior_kind="categorical")
    model = fit(staged, latent_dim=8)
    record, figure = make_generative(model, staged), off_screen()
    caption = BEHAVIOR.draw(record, figure)
    assert "In each bin the likeliest category is drawn." in caption
    assert "Band" not in caption
    ax = figure.axes[0]
    for name in ("measured", "generated"):
        assert line(ax, name).get_drawstyle() == "steps-mid"
    assert set(ax.get_yticks()) == {0.0, 1.0}
    assert ax.get_ylabel().endswith("(category)")
    generated = generation_fields(model, staged)["generated"].prediction
    shown = analysis.example_trials(staged, 4)[0]
    np.testing.assert_array_equal(drawn(ax, "generated"), generated.behavior[shown, :, 0])


def test_coupling_and_frequencies_draw_every_value(model: LatentSDE, trials: TrialSet) -> None:
    coupling, frequencies = coupling_over_time(model, trials), natural_frequencies(model)
    axes = plots.coupling(model, trials, figure=off_screen())
    np.testing.assert_allclose(axes[2].images[0].get_array(), coupling.mean[-1])
    onto = next(ax for ax in axes if ax.get_title(loc="left") == "onto B")
    expected = coupling.between_regions()
    np.testing.assert_allclose(drawn(onto, "A"), expected["A", "B"][0])
    assert onto.get_ylabel() == "" or "RMS coupling (1/s)" in onto.get_ylabel()
    assert onto.get_ylim()[0] == 0
    assert onto.get_ylim()[1] >= max(values.max() for values in expected.values())
    rows = plots.oscillators(model, figure=off_screen())
    started, learned = rows.get_lines()[:2]
    np.testing.assert_array_equal(started.get_xdata(), frequencies.start_of("A")[0])
    np.testing.assert_array_equal(learned.get_xdata(), frequencies.of("A")[0])
    assert [label.get_text() for label in rows.get_yticklabels()] == ["A (2)", "B (2)"]
    assert rows.get_xlabel() == "natural frequency (Hz)"


def test_generated_rates_are_marked_where_the_start_ends(
    model: LatentSDE, trials: TrialSet
) -> None:
    inferred, generated = model.predict(trials), model.predict_generated(trials)
    axes = plots.generated(inferred, generated, figure=off_screen())
    assert [ax.get_ylabel() for ax in axes[1:, 0]] == ["generated\nspikes/s", "inferred\nspikes/s"]
    for ax in axes.flat:
        dotted = [each for each in ax.get_lines() if each.get_linestyle() == ":"]
        assert dotted[0].get_xdata()[0] == pytest.approx(0.06)
    with pytest.raises(UndertowError, match="does not generate"):
        plots.generated(inferred, None)


def test_a_phase_portrait_draws_the_paths_asked_for(model: LatentSDE, trials: TrialSet) -> None:
    portrait = analysis.phase_portrait(model, trials, paths=2, points=8)
    ax = plots.phase_portrait(portrait, trials, shown=[3], figure=off_screen())
    path, dot = ax.get_lines()
    np.testing.assert_array_equal(path.get_xydata(), portrait.paths[3])
    np.testing.assert_array_equal(dot.get_xydata()[0], portrait.paths[3, portrait.bin])
    share = 100 * portrait.variance_share[0]
    assert ax.get_xlabel() == f"PC 1 ({share:.0f} % of variance)"


def test_an_ensemble_shows_the_spread_over_its_members(trials: TrialSet) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ensemble = Ensemble(small(), 2).fit(trials)
    fields = generation_fields(ensemble, trials)
    assert fields["models"] == ensemble.members_
    assert fields["generated"].seen_bins == 3
    np.testing.assert_array_equal(
        fields["generated"].prediction.rates, ensemble.predict_generated(trials).prediction.rates
    )
    record = make_generative(ensemble.members_[0], trials, **fields)
    caption = COUPLING.draw(record, off_screen())
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
    assert set(done.table.scores) == {"latent-sde", "true rates"}
    assert done.table.differences == {}
    assert "psth R2" not in done.table.scores["latent-sde"]
    page = done.report.read_text(encoding="utf-8")
    assert "Spikes and inferred rates: the trials have irregular times" in page
    assert "at irregular times after" in page
    names = {path.stem for path in (tmp_path / "run" / "figures").glob("*.png")}
    assert {"neuron_scores", "training", "frequencies"} <= names
    assert not names & {"rasters", "psth", "coupling", "generated_rates"}


def test_a_drift_known_with_its_uncertainty_takes_the_phase_portraits_place() -> None:
    model, trials = small_gp.fitted(), small_gp.TRIALS
    record = make_generative(
        small_gp.fitted(),  # type: ignore[arg-type]
        trials,
        **generation_fields(model, trials),
        model_name="gp-slds",
        scores={"gp-slds": score_prediction(model.predict(trials), resamples=20)},
    )
    figure = off_screen()
    caption = PHASE_PORTRAIT.draw(record, figure)
    assert "standard deviation" in caption
    assert caption.endswith(NOT_IDENTIFIABLE)
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert {"drift, and how well it is known", "regimes"} <= set(titles)
