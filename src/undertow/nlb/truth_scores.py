"""Scores on test trials: against the published truth, each of them counted before it is shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import final

from undertow.data.readers.hdf5_file import opened_hdf5
from undertow.data.readers.nlb_sets import group_name
from undertow.errors import DataError, UndertowError
from undertow.nlb.ledger import Look, rates_sha256, record, told
from undertow.nlb.scoring import NLBScores, score_submission
from undertow.nlb.submission import Submission
from undertow.nlb.tensors import TRUTH
from undertow.nlb.truth import PUBLISHED_FILE, read_truth, truth_file, truth_sha256


@final
@dataclass(frozen=True, eq=False)
class TruthScores:
    """Scores of runs on test trials, and what the ledger has to say of them.

    Attributes:
        scores: run → the benchmark's name of the result → scores.
        truth: the file of truth they were scored against.
        published: whether it is the published one, by its SHA-256.
        notes: who was scored before, and how often the set was, a sentence each.
    """

    scores: Mapping[str, Mapping[str, NLBScores]]
    truth: Path
    published: bool
    notes: tuple[str, ...]


def score_test_trials(
    runs: Mapping[str, Submission],
    set_name: str,
    bin_ms: int,
    folder: str | Path = "nlb",
    *,
    truth: str | Path | None = None,
    models: Mapping[str, str] | None = None,
) -> TruthScores:
    """Score runs on the test trials of a set, and count that in FOLDER/test_scores.json.

    What is not counted is not returned. Scores are those of `score_submission`.

    Args:
        runs: name of the run → its rates, in expected spikes per bin.
        set_name: such as 'mc_maze_small'.
        bin_ms: 5 or 20.
        folder: of prepared sets and runs, where `fetch_truth` puts the truth.
        truth: HDF5 with the truth, in the benchmark's layout; what `fetch_truth` fetched by
            default.
        models: name of the run → name of its model, under which it is counted; the run's own name
            by default.

    Raises:
        DataError: when there is no run or no truth, the truth is damaged or not of the set, or as
            `score_submission`.
        UndertowError: when the score cannot be counted.
    """
    if not runs:
        raise DataError("there is no run to score: pass the rates of at least one.")
    file = truth_file(folder) if truth is None else Path(truth)
    if truth is None and not file.exists():
        raise DataError(f"the truth of test trials is not at {file}: run undertow nlb truth first.")
    sha256, targets = truth_sha256(file), read_truth(file, set_name, bin_ms)
    scores = {run: score_submission(rates, targets) for run, rates in runs.items()}
    looks = [
        Look(
            when=datetime.now().astimezone().isoformat(" ", "seconds"),
            set_name=set_name,
            bin_ms=bin_ms,
            run=run,
            model=(models or {}).get(run, run),
            rates=rates_sha256(runs[run][targets.group]),
            truth=sha256,
            scores={name: v for each in found.values() for name, v in each.values.items()},
        )
        for run, found in scores.items()
    ]
    notes = _counted(folder, looks)
    return TruthScores(scores, file, sha256 == PUBLISHED_FILE.sha256, notes)


def _counted(folder: str | Path, new: list[Look]) -> tuple[str, ...]:
    """Write looks into the ledger; what it says of them."""
    try:
        return tuple(told(folder, record(folder, new), new))
    except UndertowError as error:
        raise type(error)(
            f"scores on test trials are shown only when they are counted: {error}"
        ) from None


def holds_truth(path: Path, set_name: str, bin_ms: int) -> bool:
    """Whether a file of prepared tensors has the held-out spikes of the evaluation trials."""
    with opened_hdf5(path) as file:
        return TRUTH in file.get(group_name(set_name, bin_ms), ())
