"""What the benchmark's scores refuse: widths that mix, sets, rates and targets that lack or do not
fit."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nlb.random_tensors import N_EVAL, random_submission, random_tensors
from undertow.errors import DataError, DataWarning
from undertow.nlb import Submission, score_submission


def test_widths_do_not_mix() -> None:
    fine, coarse = random_tensors("mc_rtt", 5), random_tensors("mc_rtt", 20)
    with pytest.raises(
        DataError,
        match="the submission holds mc_rtt at 20 ms bins and targets at 5 ms: their scores",
    ):
        score_submission(random_submission(coarse), fine)
    with pytest.raises(DataError, match="mc_rtt at 5 ms bins and targets at 20 ms"):
        score_submission(
            random_submission(fine, random_tensors("mc_maze", 5)),
            [coarse, random_tensors("mc_maze", 5)],
        )
    renamed = Submission({"mc_rtt_20": random_submission(fine)["mc_rtt"]})
    with pytest.raises(
        DataError, match=r"co-bps of mc_rtt_20: eval_rates_heldout has shape \(18, 16, 3\): beside"
    ):
        score_submission(renamed, coarse)


def test_sets_without_targets() -> None:
    maze, rtt = random_tensors("mc_maze", 20), random_tensors("mc_rtt", 20)
    with pytest.warns(DataWarning, match="not scored, for want of targets: mc_rtt_20"):
        assert list(score_submission(random_submission(maze, rtt), maze)) == ["mc_maze_20_split"]
    assert list(score_submission(random_submission(maze), [rtt, maze])) == ["mc_maze_20_split"]
    with pytest.raises(
        DataError, match="holds mc_maze_20 and targets mc_rtt_20: there is no set in both"
    ):
        score_submission(random_submission(maze), rtt)
    with pytest.raises(DataError, match="targets holds mc_maze_20 twice"):
        score_submission(random_submission(maze), [maze, maze])
    with pytest.raises(
        DataError, match="has no eval_spikes_heldout: score phase 'val', or test trials by"
    ):
        score_submission(random_submission(maze), replace(maze, targets={}, phase="test"))


@pytest.mark.parametrize(
    ("set_name", "array", "score_name"),
    [
        ("mc_maze", "eval_rates_heldout", "co-bps"),
        ("mc_maze", "eval_rates_heldin", "vel R2"),
        ("mc_maze", "train_rates_heldout", "vel R2"),
        ("dmfc_rsg", "eval_rates_heldin", "tp corr"),
        ("mc_rtt", "eval_rates_heldin_forward", "fp-bps"),
    ],
)
def test_a_rate_that_is_needed_and_missing(set_name: str, array: str, score_name: str) -> None:
    tensors = random_tensors(set_name, 20)
    rates = {
        name: values.copy() for name, values in random_submission(tensors)[tensors.group].items()
    }
    rates[array][5, -1, 1] = np.nan
    at = rf"\(5, {rates[array].shape[1] - 1}, 1\)"
    with pytest.raises(
        DataError, match=rf"{score_name} of {tensors.group}: {array} holds 1 NaN .* first at {at}"
    ):
        score_submission(Submission({tensors.group: rates}), tensors)


@pytest.mark.parametrize(
    ("set_name", "name", "message"),
    [
        ("mc_maze", "eval_cond_idx", "psth R2 of mc_maze_20: targets has no eval_cond_idx"),
        ("mc_maze", "train_behavior", "vel R2 of mc_maze_20: targets has no train_behavior"),
        ("dmfc_rsg", "eval_behavior", "tp corr of dmfc_rsg_20: targets has no eval_behavior"),
        (
            "mc_rtt",
            "eval_spikes_heldout_forward",
            "fp-bps of mc_rtt_20: targets has no eval_spikes_heldout_forward",
        ),
        (
            "area2_bump",
            "eval_decode_mask",
            "vel R2 of area2_bump_20: only one of train_mask and eval_mask",
        ),
    ],
)
def test_targets_that_are_missing(set_name: str, name: str, message: str) -> None:
    tensors = random_tensors(set_name, 20)
    targets = {k: v for k, v in tensors.targets.items() if k != name}
    with pytest.raises(DataError, match=message):
        score_submission(random_submission(tensors), replace(tensors, targets=targets))


WRONG_TARGETS = [
    (
        "mc_maze",
        {"eval_cond_idx": [[N_EVAL]] * 4},
        r"eval_cond_idx\[0\] names trials .*: there are 18",
    ),
    ("mc_maze", {"eval_cond_idx": [[-1]] * 4}, r"eval_cond_idx\[0\] names trials"),
    ("mc_maze", {"eval_cond_idx": [[0]] * 3}, "psth R2 of mc_maze_20: psth has shape"),
    ("dmfc_rsg", {"eval_jitter": np.zeros(3)}, r"psth R2 of dmfc_rsg_20: jitter has shape \(3,\)"),
    ("dmfc_rsg", {"eval_behavior": np.zeros((3, 5))}, "tp corr of dmfc_rsg_20: the shapes differ"),
    (
        "mc_maze",
        {"eval_behavior": np.zeros((18, 2))},
        r"eval_behavior has shape \(18, 2\): it must have 3",
    ),
]


@pytest.mark.parametrize(("set_name", "changed", "message"), WRONG_TARGETS)
def test_targets_that_do_not_fit(set_name: str, changed: dict[str, Any], message: str) -> None:
    tensors = random_tensors(set_name, 20)
    with pytest.raises(DataError, match=message):
        score_submission(
            random_submission(tensors), replace(tensors, targets={**tensors.targets, **changed})
        )


@settings(max_examples=25)
@given(
    st.sampled_from(
        ["eval_spikes_heldout", "eval_spikes_heldin_forward", "train_behavior", "eval_behavior"]
    ),
    st.integers(0, 1),
    st.integers(1, 30),
)
def test_any_target_of_another_size_is_refused_by_name(name: str, axis: int, size: int) -> None:
    tensors = random_tensors("mc_rtt", 20)
    shape = list(tensors.targets[name].shape)
    if shape[axis] == size:
        return
    shape[axis] = size
    changed = {**tensors.targets, name: np.ones(shape)}
    with pytest.raises(
        DataError, match=rf"rates_held\w+ has shape .*: beside {name} it must be \("
    ):
        score_submission(random_submission(tensors), replace(tensors, targets=changed))
