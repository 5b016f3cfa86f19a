"""The score table's sentences, the methods paragraph, numbers as text."""

import dataclasses

import numpy as np
import pytest

from tests.report.records import make_prediction, make_record, make_trials
from undertow.evaluation import score_prediction
from undertow.experiments.identity import settings_of
from undertow.files import flatten
from undertow.plots.style import off_screen
from undertow.report.methods import methods_paragraph
from undertow.report.model_words import describe_model
from undertow.report.page import decimal, plain, plural
from undertow.report.scores import MEANINGS, meanings, score_table
from undertow.report.sections.single_trials import NOT_MEASURED, SINGLE_TRIALS
from undertow.report.sections.velocity import VELOCITY


def test_numbers_as_text() -> None:
    assert decimal(-0.12345) == "−0.123"
    assert decimal(float("nan")) == "–"
    assert plain(0.00005) == "5e-05"
    assert plain((1, 0.5, "z")) == "(1, 0.5, z)"
    assert [plural(n, "trial") for n in (1, 2)] == ["1 trial", "2 trials"]


def test_every_score_there_is_has_a_meaning() -> None:
    names = set(
        score_prediction(
            make_prediction(make_trials(forward_bins=2)),
            make_prediction(make_trials()),
            resamples=2,
        )
    )
    assert len(names) >= 8
    assert names <= set(MEANINGS)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.1, 0.3, "lies above smoothing by 0.200"), (-0.1, 0.3, "holds zero"), (np.nan, np.nan, "")],
)
def test_the_verdict_follows_the_paired_interval(low: float, high: float, words: str) -> None:
    record = make_record()
    gap = dataclasses.replace(record.differences["co-bps"], value=0.2, low=low, high=high)
    text = meanings(dataclasses.replace(record, differences={"co-bps": gap}))
    assert words in text
    assert (" smoothing" in text) == bool(words)


def test_a_score_only_one_model_has_leaves_a_dash() -> None:
    record = make_record()
    scores = {"langevin-flow": {}, "smoothing": {"co-bps": record.scores["smoothing"]["co-bps"]}}
    table = score_table(dataclasses.replace(record, scores=scores, differences={}))
    assert '<td>co-bps</td><td class="main">–</td><td>' in table
    assert decimal(scores["smoothing"]["co-bps"].value) in table


def test_the_spread_over_folds_is_shown() -> None:
    record = make_record()
    score = dataclasses.replace(record.scores["langevin-flow"]["co-bps"], std_over_folds=0.0321)
    table = score_table(dataclasses.replace(record, scores={"langevin-flow": {"co-bps": score}}))
    assert "sd over folds 0.032" in table


def test_methods_come_from_the_data_and_the_settings() -> None:
    record = make_record(make_trials(forward_bins=3), samples=5)
    words = methods_paragraph(record)
    for part in (
        "Spikes of 6 neurons were counted in bins of 20 ms, from -0.1 to 0.2 s relative to go cue.",
        "2 neurons were held out (split seed 12)",
        "the last 0.06 s of each trial",
        "fitted on 20 trials and scored on 12 test trials.",
        "seed 11",
        "Training ended after epoch 3 (3 s).",
        "drawn within conditions",
        "undertow 0.1.0",
        "Poisson regression",
    ):
        assert part in words, part
    score = record.scores["langevin-flow"]["co-bps"]
    assert f"co-bps {decimal(score.value)} bits/spike" in words


def test_a_model_without_a_template_lists_its_settings() -> None:
    assert describe_model("other", {"width": 0.5}) == "The model was other. Settings: width = 0.5."
    assert describe_model("other", {}) == "The model was other."


TOLD = {
    "langevin-flow": ("encoder.hidden_dim", "dynamics.gamma"),
    "latent-sde": ("encoder.hidden_dim", "posterior.initial_s"),
    "lfads": ("generator.hidden_dim", "controller.correlation_s"),
    "ndt": ("encoder.width", "masking.unit"),
    "stndt": ("encoder.layers", "contrast.temperature"),
}


@pytest.mark.parametrize("name", TOLD)
def test_every_setting_is_named_once(name: str) -> None:
    from undertow.models.loading import model_class

    settings = flatten(settings_of(model_class(name)()))
    words = describe_model(name, settings)
    assert "{" not in words
    sentences, rest = words.split(" Further settings: ")
    listed = [item.split(" = ")[0] for item in rest.rstrip(".").split(", ")]
    assert len(listed) == len(set(listed)) > 10
    for told in TOLD[name]:
        assert told in settings
        assert told not in listed
        assert plain(settings[told]) in sentences
    assert {"seed", "training.keep"} <= set(listed)


def test_every_baseline_is_described_with_all_its_settings() -> None:
    from undertow.models.loading import model_class
    from undertow.report.model_words import MODELS

    for name in MODELS.keys() - TOLD.keys() - {"gp-slds"}:
        settings = flatten(settings_of(model_class(name)()))
        words = describe_model(name, settings)
        sentences, rest = words.split(" Further settings: ")
        assert sentences.count("{") == 0
        assert not sentences.startswith(f"The model was {name}.")
        told = [key for key in settings if f"{key} = " not in rest]
        assert told == [] if name == "mean-rate" else told, name
        assert all(plain(settings[key]) in sentences for key in told), name


def test_a_langevin_flow_without_latents_is_described_as_one() -> None:
    from undertow.models import LangevinFlow

    settings = flatten(settings_of(LangevinFlow(dynamics=None)))
    words = describe_model("langevin-flow", settings)
    assert "It was run without latents" in words
    assert "Langevin equation" not in words


def test_an_lfads_without_inferred_inputs_is_described_as_one() -> None:
    from undertow.models import LFADS

    settings = flatten(settings_of(LFADS(inputs=0)))
    assert "inferred inputs came from" not in describe_model("lfads", settings)
    assert "2 inferred inputs came from" in describe_model("lfads", {**settings, "inputs": 2})


def test_a_band_says_what_it_holds_or_that_this_is_not_known() -> None:
    record = make_record(samples=200)
    assert NOT_MEASURED in SINGLE_TRIALS.draw(record, off_screen())
    scores = {name: dict(each) for name, each in record.scores.items()}
    coverage = dataclasses.replace(scores["langevin-flow"]["co-bps"], value=0.6)
    scores["langevin-flow"]["interval coverage"] = coverage
    caption = SINGLE_TRIALS.draw(dataclasses.replace(record, scores=scores), off_screen())
    assert "the 90 % interval holds 60 % of the true rates" in caption
    assert NOT_MEASURED not in caption


def test_the_velocity_figure_says_its_floors() -> None:
    record = make_record()
    assert "floor" not in VELOCITY.draw(record, off_screen())
    scores = {
        name: score_prediction(test, train, resamples=2)
        for name, test, train in (
            ("langevin-flow", record.prediction, record.train_prediction),
            ("smoothing", record.baseline_prediction, record.baseline_train_prediction),
        )
    }
    floors = [each["velocity R2 log-rate"].facts["floor_hz"] for each in scores.values()]
    caption = VELOCITY.draw(dataclasses.replace(record, scores=scores), off_screen())
    words = f"{floors[0]:.3g} (langevin-flow), {floors[1]:.3g} (smoothing)"
    assert f"raised to a floor in spikes/s: {words}" in caption
