"""Scores on test trials: those of the reference, each counted before it is returned."""

from pathlib import Path

import pytest

from tests.nlb.made_truth import write_truth
from tests.nlb.random_tensors import random_submission, random_tensors
from undertow.errors import DataError, UndertowError
from undertow.nlb import NLB_SETS, score_submission, score_test_trials, write_submission
from undertow.nlb.ledger import FILE, rates_sha256, read_looks
from undertow.nlb.truth import truth_file, truth_sha256


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_truth(tmp_path_factory.mktemp("truth") / "truth.h5")


@pytest.mark.parametrize("bin_ms", [5, 20])
@pytest.mark.parametrize("set_name", NLB_SETS)
def test_they_are_those_of_the_reference_and_counted(
    truth: Path, tmp_path: Path, set_name: str, bin_ms: int
) -> None:
    reference = pytest.importorskip("nlb_tools.evaluation", reason="nlb-tools is not installed")
    tensors = random_tensors(set_name, bin_ms)
    rates = random_submission(tensors)
    found = score_test_trials({"theirs": rates}, set_name, bin_ms, tmp_path, truth=truth)
    assert found.scores == {"theirs": score_submission(rates, tensors)}
    ((split, scores),) = found.scores["theirs"].items()
    file = write_submission(rates, tmp_path / "theirs.h5")
    expected = {k: v for each in reference.evaluate(str(truth), str(file)) for k, v in each.items()}
    assert expected == {split: pytest.approx(dict(scores.values), rel=1e-9, abs=1e-9)}
    (look,) = read_looks(tmp_path)
    assert (look.set_name, look.bin_ms, look.run, look.model) == (
        *(set_name, bin_ms),
        *("theirs", "theirs"),
    )
    assert look.scores == dict(scores.values)
    assert look.rates == rates_sha256(rates[tensors.group])
    assert look.truth == truth_sha256(truth)
    assert (found.truth, found.published) == (truth, False)
    assert found.notes[0].startswith(f"{set_name} at {bin_ms} ms bins: 1 score on the test truth")


def test_runs_are_counted_under_the_names_of_their_models(truth: Path, tmp_path: Path) -> None:
    tensors = random_tensors("mc_rtt", 20)
    runs = {"one": random_submission(tensors), "two": random_submission(tensors, seed=2)}
    models = {"one": "ndt", "two": "ndt"}
    found = score_test_trials(runs, "mc_rtt", 20, tmp_path, truth=truth, models=models)
    assert [(look.run, look.model) for look in read_looks(tmp_path)] == [
        ("one", "ndt"),
        ("two", "ndt"),
    ]
    assert [note.partition(":")[0] for note in found.notes] == [
        "two (ndt)",
        "mc_rtt at 20 ms bins",
    ]


def test_the_fetched_truth_is_found(truth: Path, tmp_path: Path) -> None:
    runs = {"one": random_submission(random_tensors("mc_rtt", 20))}
    with pytest.raises(DataError, match=r"is not at .*eval_data_test.h5: run undertow nlb truth"):
        score_test_trials(runs, "mc_rtt", 20, tmp_path)
    truth_file(tmp_path).parent.mkdir()
    truth_file(tmp_path).write_bytes(truth.read_bytes())
    assert score_test_trials(runs, "mc_rtt", 20, tmp_path).truth == truth_file(tmp_path)


def test_what_cannot_be_counted_is_not_returned(truth: Path, tmp_path: Path) -> None:
    runs = {"one": random_submission(random_tensors("mc_rtt", 20))}
    (tmp_path / FILE).write_text("not a ledger")
    with pytest.raises(UndertowError, match=r"only when they are counted: .* be read as JSON"):
        score_test_trials(runs, "mc_rtt", 20, tmp_path, truth=truth)
    (tmp_path / "file").touch()
    with pytest.raises(UndertowError, match=r"only when they are counted: .* cannot be written"):
        score_test_trials(runs, "mc_rtt", 20, tmp_path / "file" / "nlb", truth=truth)


def test_what_cannot_be_scored_is_not_counted(truth: Path, tmp_path: Path) -> None:
    fitting = random_submission(random_tensors("mc_rtt", 20))
    other = random_submission(random_tensors("mc_rtt", 5))
    for runs, message in (
        ({}, "there is no run to score"),
        ({"one": fitting, "two": other}, "holds mc_rtt at 5 ms bins and targets at 20 ms"),
    ):
        with pytest.raises(DataError, match=message):
            score_test_trials(runs, "mc_rtt", 20, tmp_path, truth=truth)
    assert not (tmp_path / FILE).exists()
