"""Scores of generated predictions: bits per spike, behaviour and labels against direct
computations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.data.prediction import likeliest_categories
from undertow.evaluation import (
    bits_per_spike,
    combine,
    generation_statistics,
    load_statistics,
    save_statistics,
    sufficient_statistics,
)
from undertow.evaluation.scores.generation import own_behavior_statistics

SEEN = 4


def make_trials(n: int = 30, **changes: object) -> TrialSet:
    rng = np.random.default_rng(1)
    behavior = rng.normal(5.0, [1.0, 30.0], (n, 10, 2))
    behavior[0, 6] = np.nan
    choice = np.array(["left", "right", "left"] * (n // 3))
    choice[1] = ""
    fields = {
        "spikes": rng.poisson(1.0, (n, 10, 4)),
        "bin_s": 0.02,
        "behavior": behavior,
        "behavior_names": ("x", "y"),
        "labels": {"choice": choice},
    }
    return TrialSet(**{**fields, **changes})


def make_prediction(trials: TrialSet, seed: int) -> Prediction:
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet([2, 1], trials.n_trials)
    return Prediction(
        rates=50 * np.exp(0.3 * rng.normal(size=trials.spikes.shape)),
        trials=trials,
        behavior=np.nan_to_num(trials.behavior, nan=0.0) + rng.normal(size=trials.behavior.shape),
        label_probabilities={"choice": chances},
        label_categories={"choice": np.array(["left", "right"])},
    )


TRIALS = make_trials()
INFERRED, GENERATED = make_prediction(TRIALS, 2), make_prediction(TRIALS, 3)
FOUND = generation_statistics(INFERRED, GENERATED, SEEN, make_trials(12))


def test_spikes_after_the_start_are_scored_in_bits() -> None:
    counts = GENERATED.counts
    expected = bits_per_spike(counts[:, SEEN:], TRIALS.spikes[:, SEEN:])
    assert FOUND["generated bps"].value == pytest.approx(expected)
    assert FOUND["generated bps all bins"].value == pytest.approx(
        bits_per_spike(counts, TRIALS.spikes)
    )
    assert "generated from the first 80 ms" in FOUND["generated bps"].note


@pytest.mark.parametrize(("mode", "prediction"), [("", INFERRED), ("generated ", GENERATED)])
def test_behaviour_is_scored_channel_by_channel(mode: str, prediction: Prediction) -> None:
    target, predicted = TRIALS.behavior[:, SEEN:], prediction.behavior[:, SEEN:]
    known = np.isfinite(target)
    residual = np.where(known, target - predicted, 0.0) ** 2
    total = np.where(known, target - np.nanmean(target, axis=(0, 1)), 0.0) ** 2
    each = 1 - residual.sum((0, 1)) / total.sum((0, 1))
    assert FOUND[f"{mode}behavior R2"].value == pytest.approx(each.mean(), abs=1e-6)


def test_behaviour_of_a_model_that_generates_nothing_is_scored_in_all_bins() -> None:
    found = own_behavior_statistics(INFERRED)
    assert found.keys() == {"behavior R2"}
    whole = generation_statistics(INFERRED, INFERRED, 0)["behavior R2"]
    assert found["behavior R2"].value == pytest.approx(whole.value)
    assert "after the first" not in found["behavior R2"].note
    assert own_behavior_statistics(replace(INFERRED, behavior=None)) == {}


def test_units_of_channels_change_no_score_and_constant_channels_are_named() -> None:
    unit = np.array([1000.0] + [1.0] * (TRIALS.behavior.shape[2] - 1))
    trials = TRIALS.replace(behavior=TRIALS.behavior * unit)
    metres = replace(GENERATED, trials=trials, behavior=GENERATED.behavior * unit)
    found = generation_statistics(metres, metres, SEEN)["generated behavior R2"]
    assert found.value == pytest.approx(FOUND["generated behavior R2"].value, abs=1e-6)
    still = np.array(TRIALS.behavior)
    still[..., 0] = 2.0
    fixed = replace(GENERATED, trials=TRIALS.replace(behavior=still))
    one = generation_statistics(fixed, fixed, SEEN)["generated behavior R2"]
    assert TRIALS.behavior_names[0] in one.note
    assert one.residual.shape[1] == TRIALS.behavior.shape[2] - 1


@pytest.mark.parametrize(
    ("mode", "prediction"), [("predicted ", INFERRED), ("generated ", GENERATED)]
)
def test_labels_are_scored_where_they_are_known(mode: str, prediction: Prediction) -> None:
    truth = TRIALS.labels["choice"]
    known = truth != ""
    chances = prediction.label_probabilities["choice"]
    given = np.where(truth == "left", chances[:, 0], chances[:, 1])[known]
    assert FOUND[f"{mode}accuracy choice"].value == pytest.approx(np.mean(given > 0.5))
    assert FOUND[f"{mode}log-loss choice"].value == pytest.approx(-np.log(given).mean())


def test_the_shares_of_the_training_labels_have_a_log_loss_too() -> None:
    learned, truth = make_trials(12).labels["choice"], TRIALS.labels["choice"]
    assert [(learned == each).sum() for each in ("left", "right", "")] == [8, 3, 1]
    given = np.where(truth == "left", 8 / 11, 3 / 11)[truth != ""]
    assert FOUND["log-loss of shares choice"].value == pytest.approx(-np.log(given).mean())


def test_a_category_the_model_never_saw_counts_as_wrong_and_is_bounded() -> None:
    trials = TRIALS.replace(labels={"choice": np.full(TRIALS.n_trials, "none")})
    one = make_prediction(trials, 2)
    found = generation_statistics(one, one, SEEN)
    assert found["predicted accuracy choice"].value == 0
    assert found["predicted log-loss choice"].value == pytest.approx(-np.log(1e-6))
    assert "log-loss of shares choice" not in found


def test_intervals_hold_the_score_and_statistics_survive_a_file(tmp_path: Path) -> None:
    again = load_statistics(save_statistics(tmp_path / "sums.npz", FOUND))
    scores, read = combine([[FOUND]], resamples=100), combine([[again]], resamples=100)
    assert scores == read
    assert all(score.low <= score.value <= score.high for score in scores.values())


def test_what_is_not_there_is_not_scored() -> None:
    bare = make_trials(behavior=None, behavior_names=(), labels=None)
    one = Prediction(np.full(bare.spikes.shape, 50.0), bare)
    assert set(generation_statistics(one, one, 0)) == {"generated bps", "generated bps all bins"}
    silent = bare.replace(spikes=np.where(np.arange(4) == 2, 0, bare.spikes))
    found = generation_statistics(one, Prediction(one.rates, silent), 0)["generated bps"]
    assert (found.n_neurons, found.left_out) == (3, 1)


def test_irregular_times_leave_out_what_needs_regular_bins() -> None:
    trials = make_trials(condition=np.arange(30) % 2, behavior_names=("x vel", "y vel"))
    times = np.broadcast_to(trials.time_s, (30, 10)) + np.linspace(0, 0.005, 30)[:, None]
    own = trials.replace(times=times)
    names = [
        set(sufficient_statistics(make_prediction(each, 2), make_prediction(each, 3)))
        for each in (trials, own)
    ]
    assert names[0] - names[1] == {"psth R2", "velocity R2 log-rate"}


def test_at_irregular_times_what_was_shown_is_not_scored_as_generated() -> None:
    """Early observations may be more than the bins of the window, in every trial another number."""
    trials = make_trials(n=6)
    rng = np.random.default_rng(0)
    times = trials.start_s + np.cumsum(rng.uniform(0.2, 1.2, (6, 10)), 1) * trials.bin_s
    own = trials.replace(times=times)
    shown = times - trials.start_s < SEEN * trials.bin_s
    assert len({*shown.sum(1)}) > 1
    assert shown.sum(1).max() > SEEN
    spikes, behavior = np.array(own.spikes), np.array(own.behavior)
    spikes[shown], behavior[shown] = 40.0, -1e3
    prediction = make_prediction(own, 2)
    other = replace(prediction, trials=own.replace(spikes=spikes, behavior=behavior))
    one, two = (combine([[generation_statistics(p, p, SEEN)]]) for p in (prediction, other))
    for name in ("generated bps", "generated behavior R2"):
        assert one[name].value == two[name].value
    assert one["generated bps all bins"].value != two["generated bps all bins"].value


# --- categories of each bin -------------------------------------------------------------------

KNOWN = {"stage": np.array([0.0, 2.0, 5.0]), "lick": np.array([0.0, 1.0])}


def staged(n: int, seed: int, **changes: object) -> TrialSet:
    """Two channels of categories, some missing, some that no model knows."""
    rng = np.random.default_rng(seed)
    behavior = np.stack(
        [rng.choice([0.0, 2.0, 5.0, 9.0], (n, 10)), rng.choice([0.0, 1.0], (n, 10))], -1
    )
    behavior[rng.random(behavior.shape) < 0.2] = np.nan
    behavior[2, :, 1] = np.nan
    kind = {
        "behavior": behavior,
        "behavior_names": ("stage", "lick"),
        "behavior_kind": "categorical",
    }
    return make_trials(n, **{**kind, "labels": None, **changes})


def staged_prediction(trials: TrialSet, seed: int) -> Prediction:
    rng = np.random.default_rng(seed)
    chances = {
        name: rng.dirichlet(np.ones(len(known)), (len(trials), 10)) for name, known in KNOWN.items()
    }
    behavior = likeliest_categories(chances, KNOWN)
    return Prediction(
        np.full(trials.spikes.shape, 50.0),
        trials,
        behavior=behavior,
        behavior_probabilities=chances,
        behavior_categories=KNOWN,
    )


STAGED, LEARNED = staged(30, 5), staged(12, 6)
ONE, TWO = staged_prediction(STAGED, 7), staged_prediction(STAGED, 8)
SCORED = generation_statistics(ONE, TWO, SEEN, LEARNED)


@pytest.mark.parametrize(("mode", "prediction"), [("", ONE), ("generated ", TWO)])
@pytest.mark.parametrize("channel", [0, 1])
def test_categories_are_scored_in_each_bin_after_the_start(
    mode: str, prediction: Prediction, channel: int
) -> None:
    name = ("stage", "lick")[channel]
    truth, given = (
        STAGED.behavior[:, SEEN:, channel],
        prediction.behavior_probabilities[name][:, SEEN:],
    )
    there, losses = np.isfinite(truth), []
    for trial, time in np.argwhere(there):
        place = np.flatnonzero(KNOWN[name] == truth[trial, time])
        losses.append(-np.log(given[trial, time, place[0]] if place.size else 1e-6))
    answer = prediction.behavior[:, SEEN:, channel]
    assert SCORED[f"{mode}behavior accuracy {name}"].value == pytest.approx(
        (answer == truth)[there].mean()
    )
    assert SCORED[f"{mode}behavior log-loss {name}"].value == pytest.approx(np.mean(losses))
    assert "bin by bin after the first 80 ms" in SCORED[f"{mode}behavior accuracy {name}"].note


@pytest.mark.parametrize("channel", [0, 1])
def test_references_answer_as_the_training_bins_were(channel: int) -> None:
    name = ("stage", "lick")[channel]
    learned, truth = (each.behavior[:, SEEN:, channel] for each in (LEARNED, STAGED))
    learned, truth = learned[np.isfinite(learned)], truth[np.isfinite(truth)]
    share = {number: np.mean(learned == number) for number in np.unique(learned)}
    commonest = max(share, key=lambda number: share[number])
    found = SCORED[f"behavior majority share {name}"]
    assert found.value == pytest.approx(np.mean(truth == commonest))
    assert found.note == f"always answering {commonest:g}"
    losses = [-np.log(share[number]) for number in truth]
    assert SCORED[f"behavior log-loss of shares {name}"].value == pytest.approx(np.mean(losses))


def test_resampling_trials_weighs_bins_of_each_alike() -> None:
    found, rng = SCORED["behavior accuracy lick"], np.random.default_rng(0)
    drawn = rng.integers(0, 30, 30)
    truth, answer = STAGED.behavior[drawn, SEEN:, 1], ONE.behavior[drawn, SEEN:, 1]
    weights = np.bincount(drawn, minlength=30)[None].astype(float)
    assert found.finish(weights)[0] == pytest.approx((truth == answer)[np.isfinite(truth)].mean())


def test_categories_that_are_not_measured_or_not_predicted_are_not_scored() -> None:
    names = set(generation_statistics(ONE, TWO, SEEN)) - {"generated bps", "generated bps all bins"}
    kinds = ("accuracy", "log-loss")
    both = [f"{mode}behavior {kind}" for mode in ("", "generated ") for kind in kinds]
    assert names == {f"{kind} {name}" for kind in both for name in KNOWN}
    unmeasured = STAGED.replace(behavior=np.full_like(STAGED.behavior, np.nan))
    nothing = staged_prediction(unmeasured, 7)
    assert set(generation_statistics(nothing, nothing, SEEN, LEARNED)) == {
        "generated bps",
        "generated bps all bins",
    }
