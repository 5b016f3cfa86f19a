"""Scores of submissions: equality with the reference implementation of the benchmark, and what is
refused."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest

from tests.nlb.random_tensors import random_submission, random_tensors
from undertow.nlb import (
    NLB_SETS,
    NLBScores,
    Submission,
    Tensors,
    read_nlb_tensors,
    read_submission,
    read_targets,
    score_submission,
    write_nlb_tensors,
    write_submission,
)

SCALING = ("mc_maze_large", "mc_maze_medium", "mc_maze_small")
Named = dict[str, dict[str, float]]


@pytest.fixture(scope="module")
def evaluate() -> Callable[..., Named]:
    """The reference's results in one dictionary, from files or from arrays."""
    reference: ModuleType = pytest.importorskip(
        "nlb_tools.evaluation", reason="nlb-tools is not installed"
    )

    def results(targets: Any, rates: Any) -> Named:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return {
                name: scores
                for each in reference.evaluate(targets, rates)
                for name, scores in each.items()
            }

    return results


def arrays_of(*several: Tensors) -> dict[str, dict[str, np.ndarray]]:
    return {each.group: copy.deepcopy(dict(each.targets)) for each in several}


def assert_equal(found: dict[str, NLBScores], expected: Named) -> None:
    assert list(found) == list(expected)
    for name, scores in expected.items():
        assert list(found[name].values) == list(scores)
        assert found[name].named == {name: pytest.approx(scores, rel=1e-9, abs=1e-9)}


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", NLB_SETS)
def test_every_set_in_memory_and_from_files(
    evaluate: Callable[..., Named], tmp_path: Path, set_name: str, bin_ms: int
) -> None:
    tensors = random_tensors(set_name, bin_ms)
    submission = random_submission(tensors)
    expected = evaluate(
        arrays_of(tensors), {group: dict(rates) for group, rates in submission.items()}
    )
    assert_equal(score_submission(submission, tensors), expected)
    targets, rates = (
        write_nlb_tensors(tensors, tmp_path / "t.h5"),
        write_submission(submission, tmp_path / "s.h5"),
    )
    assert evaluate(str(targets), str(rates)) == expected
    assert_equal(score_submission(read_submission(rates), read_nlb_tensors(targets)), expected)


def test_the_names_of_the_scores() -> None:
    found = {
        name: list(score(name)[f"{name}_20_split"].values)
        for name in ("mc_maze", "mc_rtt", "dmfc_rsg")
    }
    assert found == {
        "mc_maze": ["co-bps", "vel R2", "psth R2", "fp-bps"],
        "mc_rtt": ["co-bps", "vel R2", "fp-bps"],
        "dmfc_rsg": ["co-bps", "tp corr", "psth R2", "fp-bps"],
    }


def score(set_name: str) -> dict[str, NLBScores]:
    tensors = random_tensors(set_name, 20)
    return score_submission(random_submission(tensors), tensors)


@pytest.mark.parametrize("bin_ms", [5, 20])
def test_scaling_sets_and_others_together(
    evaluate: Callable[..., Named], tmp_path: Path, bin_ms: int
) -> None:
    several = [
        random_tensors(name, bin_ms, seed)
        for seed, name in enumerate((*SCALING[::-1], "area2_bump"))
    ]
    submission = random_submission(*several)
    expected = evaluate(
        arrays_of(*several), {group: dict(rates) for group, rates in submission.items()}
    )
    found = score_submission(submission, several)
    assert_equal(found, expected)
    together = found[f"mc_maze_scaling{'_20' * (bin_ms == 20)}_split"]
    assert [name for name in together.values if "co-bps" in name] == [
        "[500] co-bps",
        "[250] co-bps",
        "[100] co-bps",
    ]
    with h5py.File(tmp_path / "targets.h5", "w") as file:
        for each in several:
            write_nlb_tensors(each, tmp_path / "one.h5", overwrite=True)
            with h5py.File(tmp_path / "one.h5") as one:
                one.copy(each.group, file)
    write_submission(submission, tmp_path / "rates.h5")
    assert evaluate(str(tmp_path / "targets.h5"), str(tmp_path / "rates.h5")) == expected
    assert_equal(score_submission(submission, read_targets(tmp_path / "targets.h5")), expected)


@pytest.mark.parametrize("set_name", ["area2_bump", "dmfc_rsg"])
def test_nothing_given_is_edited(set_name: str) -> None:
    tensors = random_tensors(set_name, 20)
    submission = random_submission(tensors)
    targets, rates = (
        copy.deepcopy(dict(tensors.targets)),
        copy.deepcopy(dict(submission[tensors.group])),
    )
    score_submission(submission, tensors)
    for before, after in ((targets, tensors.targets), (rates, submission[tensors.group])):
        for name, array in before.items():
            if array.dtype.kind == "O":
                assert [row.tobytes() for row in after[name]] == [row.tobytes() for row in array], (
                    name
                )
            else:
                assert after[name].tobytes() == array.tobytes(), name


def test_both_widths_of_a_set_are_scored_apart() -> None:
    both = [random_tensors("mc_rtt", width) for width in (20, 5)]
    found = score_submission(random_submission(*both), both)
    assert {name: (each.set_name, each.bin_ms) for name, each in found.items()} == {
        "mc_rtt_split": ("mc_rtt", 5),
        "mc_rtt_20_split": ("mc_rtt", 20),
    }


def test_without_forward_rates_or_psths() -> None:
    tensors = random_tensors("mc_maze", 20)
    rates = {
        k: v for k, v in random_submission(tensors)[tensors.group].items() if "forward" not in k
    }
    submission = Submission({tensors.group: rates})
    (found,) = score_submission(submission, tensors).values()
    assert list(found.values) == ["co-bps", "vel R2", "psth R2"]
    targets = {k: v for k, v in tensors.targets.items() if k != "psth"}
    (found,) = score_submission(submission, replace(tensors, targets=targets)).values()
    assert list(found.values) == ["co-bps", "vel R2"]


def test_rates_that_are_not_needed_may_be_missing(evaluate: Callable[..., Named]) -> None:
    tensors = random_tensors("mc_rtt", 20)
    rates = {
        name: values.copy() for name, values in random_submission(tensors)[tensors.group].items()
    }
    # neither spikes nor velocity were observed there
    tensors.targets["eval_spikes_heldout"][0] = np.nan
    for name in ("eval_rates_heldin", "eval_rates_heldout"):
        rates[name][0] = np.nan
    expected = evaluate(arrays_of(tensors), {tensors.group: rates})
    assert_equal(score_submission(Submission({tensors.group: rates}), tensors), expected)
