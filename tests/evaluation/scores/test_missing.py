"""Scores that could not be made say why; neurons silent in training are named and left out."""

from dataclasses import replace

import numpy as np
import pytest

from undertow.data import Prediction, TrialSet
from undertow.evaluation import (
    combine,
    generation_statistics,
    missing_scores,
    sufficient_statistics,
)

BIN_S = 0.02


def make(seed: int, silent: tuple[int, ...] = (), **changes: object) -> Prediction:
    """Trials with everything a score may need; `silent` neurons never fire."""
    rng = np.random.default_rng(seed)
    rates = 20 * np.exp(0.5 * np.sin(np.arange(20)[None, :, None] / 3 + rng.random((18, 1, 6))))
    spikes = rng.poisson(rates * BIN_S)
    spikes[..., list(silent)] = 0
    fields = {
        "spikes": spikes,
        "bin_s": BIN_S,
        "truth": rates,
        "heldout": np.isin(np.arange(6), [1, 4]),
        "forward_bins": 2,
        "condition": np.arange(18) % 3,
        "behavior": rng.normal(size=(18, 20, 2)),
        "behavior_names": ("vel_x", "vel_y"),
        "labels": {"side": np.array(["left", "right"] * 9)},
    }
    trials = TrialSet(**{**fields, **changes}, derived=True)
    return Prediction(rates, trials, hidden_rates=rates)


TRAIN = make(1)
REASONS: list[tuple[dict[str, object], str, str]] = [
    ({"heldout": np.zeros(6, bool)}, "co-bps", "no neuron is held out"),
    ({"forward_bins": 0}, "fp-bps", "the window has no forward bins"),
    ({"truth": None}, "rate R2", "the true rates are not known"),
    ({"truth": np.ones((18, 20, 6))}, "rate R2", "no neuron that fires has a true rate that"),
    ({"condition": None}, "psth R2", "the trials have no conditions"),
    ({"behavior": None, "behavior_names": ()}, "velocity R2", "the trials hold no behaviour"),
    ({"behavior_names": ("x", "y")}, "velocity R2", "no behaviour channel has 'vel' in its name"),
    ({"behavior": np.full((18, 20, 2), np.nan)}, "velocity R2", "known in fewer than 5 bins of"),
    ({"labels": {"side": np.array([""] * 18)}}, "label accuracy side", "no trial here has a"),
]


@pytest.mark.parametrize(("changes", "name", "why"), REASONS)
def test_every_score_that_is_missing_says_why(
    changes: dict[str, object], name: str, why: str
) -> None:
    prediction = make(0, **changes)
    missing = missing_scores(prediction, TRAIN)
    assert why in missing[name]
    made = sufficient_statistics(prediction, TRAIN)
    assert not set(missing) & set(made)


def test_whatever_is_given_a_score_is_either_made_or_explained() -> None:
    names = ("co-bps", "held-in bps", "fp-bps", "rate R2", "psth R2", "velocity R2")
    everything = {*names, "velocity R2 log-rate", "label accuracy side"}
    full = make(0)
    assert missing_scores(full, TRAIN) == {}
    for train in (None, TRAIN):
        for changes, _, _ in REASONS:
            prediction = make(0, **changes)
            missing = missing_scores(prediction, train)
            made = set(sufficient_statistics(prediction, train))
            assert not set(missing) & made
            assert everything - {"label accuracy side"} <= set(missing) | made
    assert "it needs the training trials" in missing_scores(full)["psth R2"]
    assert (
        "predict_hidden" in missing_scores(replace(full, hidden_rates=None), TRAIN)["held-in bps"]
    )


def test_neurons_silent_in_training_are_named_and_left_out() -> None:
    prediction, train = make(0), make(1, silent=(1, 2))
    # what a model makes of a neuron it never heard: next to nothing
    rates = np.array(prediction.rates)
    rates[..., [1, 2]] = 1e-6
    wild = Prediction(rates, prediction.trials, hidden_rates=rates)
    found = combine([[sufficient_statistics(wild, train)]])
    alone = combine([[sufficient_statistics(wild)]])
    for name, neuron in (("co-bps", 1), ("held-in bps", 2), ("fp-bps", None)):
        which = f"neuron {neuron}" if neuron else "neurons 1, 2"
        assert f"without {which}, silent in the training trials" in found[name].note
        assert alone[name].value < -1 < found[name].value
        assert "left out" not in found[name].note
    generated = combine([[generation_statistics(wild, wild, 4, train.trials)]])["generated bps"]
    assert "without neurons 1, 2, silent in the training trials" in generated.note
    assert generated.value > -1


def test_the_rule_is_the_same_for_every_model() -> None:
    train = make(1, silent=(1,))
    prediction = make(0)
    other = Prediction(prediction.rates * 0.5, prediction.trials)
    neurons = [
        sufficient_statistics(each, train)["co-bps"].n_neurons for each in (prediction, other)
    ]
    assert neurons == [1, 1]
    every = make(1, silent=(1, 4))
    assert "co-bps" not in sufficient_statistics(prediction, every)
    why = missing_scores(prediction, every)["co-bps"]
    assert why == "none of its neurons that fire here fires a spike in the training trials"
