"""Trials of the benchmark's tensors, and submissions of predictions: every entry, and what is
refused."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nlb.random_tensors import (
    N_EVAL,
    N_HELDIN,
    N_TRAIN,
    random_submission,
    random_tensors,
)
from undertow.data import Prediction, TrialSet
from undertow.errors import DataError
from undertow.nlb import NLB_SETS, Submission, Tensors, submission_of, trials_of
from undertow.nlb.trials import check_sizes

FORWARD = ("eval_rates_heldin_forward", "eval_rates_heldout_forward")


def without(tensors: Tensors, *names: str, where: str = "inputs") -> Tensors:
    kept = {name: array for name, array in getattr(tensors, where).items() if name not in names}
    return replace(tensors, **{where: kept})


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", NLB_SETS)
def test_every_entry_of_the_trials(set_name: str, bin_ms: int) -> None:
    tensors = random_tensors(set_name, bin_ms)
    train, evaluation = trials_of(tensors)
    inputs, entry = tensors.inputs, NLB_SETS[set_name]
    window, n_forward = (
        inputs["train_spikes_heldin"].shape[1],
        inputs["train_spikes_heldin_forward"].shape[1],
    )
    for trials in (train, evaluation):
        assert trials.bin_s == bin_ms / 1000
        assert trials.start_s == entry.window_ms[0] / 1000
        assert (trials.event, trials.forward_bins) == (entry.align, n_forward)
        assert trials.n_time == window + n_forward
        assert np.flatnonzero(~trials.heldout).tolist() == list(range(N_HELDIN))
        assert trials.behavior is None
    for name, neurons in (("heldin", slice(N_HELDIN)), ("heldout", slice(N_HELDIN, None))):
        for suffix, bins in (("", slice(window)), ("_forward", slice(window, None))):
            np.testing.assert_array_equal(
                train.spikes[:, bins, neurons], inputs[f"train_spikes_{name}{suffix}"]
            )
    np.testing.assert_array_equal(
        evaluation.spikes[:, :window, :N_HELDIN], inputs["eval_spikes_heldin"]
    )
    assert np.isnan(evaluation.spikes[:, window:]).all()
    assert np.isnan(evaluation.spikes[:, :, N_HELDIN:]).all()
    assert np.intersect1d(train.trial_ids, evaluation.trial_ids).size == 0


def test_targets_of_evaluation_trials_reach_no_trial() -> None:
    tensors = random_tensors("mc_maze", 20)
    changed = {k: v + 1 if k.startswith("eval_spikes") else v for k, v in tensors.targets.items()}
    for first, second in zip(
        trials_of(tensors), trials_of(replace(tensors, targets=changed)), strict=True
    ):
        np.testing.assert_array_equal(first.spikes, second.spikes)


def test_conditions_are_those_of_the_training_trials() -> None:
    tensors = random_tensors("mc_maze", 20)
    train, evaluation = trials_of(tensors)
    for number, members in enumerate(tensors.targets["train_cond_idx"]):
        assert np.flatnonzero(train.condition == number).tolist() == members.tolist()
    assert (train.condition == -1).sum() == N_TRAIN - sum(
        map(len, tensors.targets["train_cond_idx"])
    )
    assert evaluation.condition is None
    assert trials_of(random_tensors("mc_rtt", 20))[0].condition is None


def test_without_forward_bins_there_are_none() -> None:
    tensors = without(
        random_tensors("mc_maze", 20), "train_spikes_heldin_forward", "train_spikes_heldout_forward"
    )
    train, evaluation = trials_of(tensors)
    assert train.forward_bins == evaluation.forward_bins == 0
    assert train.n_time == tensors.inputs["eval_spikes_heldin"].shape[1]
    made = submission_of(rates_of(train), rates_of(evaluation), tensors)
    assert not set(FORWARD) & set(made["mc_maze_20"])


def rates_of(trials: TrialSet, seed: int = 0) -> Prediction:
    """Random rates in spikes/s."""
    return Prediction(np.random.default_rng(seed).gamma(2.0, 5.0, trials.spikes.shape), trials)


@settings(max_examples=12)
@given(
    set_name=st.sampled_from(list(NLB_SETS)),
    bin_ms=st.sampled_from([5, 20]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_submission_has_every_rate_in_its_place(set_name: str, bin_ms: int, seed: int) -> None:
    tensors = random_tensors(set_name, bin_ms)
    parts = dict(
        zip(("train", "eval"), map(rates_of, trials_of(tensors), [seed, seed]), strict=True)
    )
    made = submission_of(parts["train"], parts["eval"], tensors)
    assert list(made) == [tensors.group]
    window = tensors.inputs["eval_spikes_heldin"].shape[1]
    for name, rates in made[tensors.group].items():
        part, _, population, *forward = name.split("_")
        bins = slice(window, None) if forward else slice(window)
        neurons = slice(N_HELDIN) if population == "heldin" else slice(N_HELDIN, None)
        expected = parts[part].rates[:, bins, neurons] * bin_ms / 1000
        np.testing.assert_array_equal(rates, expected.astype(np.float32), err_msg=name)
    assert len(made[tensors.group]) == 6


def test_test_tensors_without_truth_are_predicted_too() -> None:
    tensors = replace(random_tensors("mc_maze", 5), phase="test", targets={})
    train, evaluation = trials_of(tensors)
    assert train.condition is None
    check_sizes(submission_of(rates_of(train), rates_of(evaluation), tensors), tensors)


def test_predictions_of_other_trials_are_refused() -> None:
    tensors = random_tensors("mc_maze", 20)
    train, evaluation = trials_of(tensors)
    with pytest.raises(
        DataError, match=r"mc_maze_20/train_rates_heldin has shape \(25, 8, 5\).*\(26, 8, 5\)"
    ):
        submission_of(rates_of(train[:-1]), rates_of(evaluation), tensors)
    with pytest.raises(DataError, match="eval_rates_heldin has shape"):
        submission_of(rates_of(train), rates_of(evaluation[:-1]), tensors)


def test_sizes_are_checked_against_the_tensors() -> None:
    tensors = random_tensors("mc_maze", 20)
    with pytest.raises(
        DataError, match="the submission holds mc_maze: there is no mc_maze_20 in it"
    ):
        check_sizes(random_submission(random_tensors("mc_maze", 5)), tensors)
    rates = dict(random_submission(tensors)["mc_maze_20"])
    fewer = Submission(
        {"mc_maze_20": {k: v[:, :, 1:] if "heldin" in k else v for k, v in rates.items()}}
    )
    with pytest.raises(
        DataError, match=r"train_rates_heldin has shape \(26, 8, 4\): by the prepared tensors"
    ):
        check_sizes(fewer, tensors)
    unasked = without(tensors, "train_spikes_heldin_forward")
    with pytest.raises(DataError, match=r"eval_rates_heldin_forward has shape .* must be left out"):
        check_sizes(Submission({"mc_maze_20": rates}), unasked)


@pytest.mark.parametrize(
    "name", ["train_spikes_heldin", "train_spikes_heldout", "eval_spikes_heldin"]
)
def test_what_models_need_is_named(name: str) -> None:
    with pytest.raises(
        DataError, match=f"mc_maze_20 .val. have no {name}: models learn from training trials"
    ):
        trials_of(without(random_tensors("mc_maze", 20), name))


def altered(tensors: Tensors, where: str, **arrays: Any) -> Tensors:
    return replace(tensors, **{where: {**getattr(tensors, where), **arrays}})


def test_arrays_that_do_not_fit_are_named() -> None:
    tensors = random_tensors("mc_maze", 20)
    for name in ("train_spikes_heldin", "train_spikes_heldout_forward"):
        wrong = altered(tensors, "inputs", **{name: tensors.inputs[name][:-1]})
        with pytest.raises(DataError, match=f"{name} of mc_maze_20 has shape"):
            trials_of(wrong)
    index = np.empty(1, object)
    index[0] = np.array([N_TRAIN])
    with pytest.raises(
        DataError, match=r"train_cond_idx\[0\] names trials that are not there: there are 26"
    ):
        trials_of(altered(tensors, "targets", train_cond_idx=index))
    assert len(trials_of(tensors)[1]) == N_EVAL
