"""`undertow nlb score`: the benchmark's scores of runs, or of any software's submission file."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import show
from undertow.cli.errors import guarded
from undertow.cli.nlb.place import FOLDER, BinMs, Folder, PhaseName, Place, SetName
from undertow.cli.nlb.showing import show_published, show_scores
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.nlb import NLBScores, Submission, Tensors, TruthScores

Rates = Mapping[str, "Submission"]


@guarded
def score(
    set_name: SetName,
    bin_ms: BinMs,
    phase: PhaseName = "val",
    folder: Folder = FOLDER,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="A run to score; repeatable, all finished ones by default."
        ),
    ] = None,
    submission: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A submission file to score instead, of any software."),
    ] = None,
    targets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="HDF5 with the truth, in the benchmark's layout; by default what was prepared, "
            "and in phase test what undertow nlb truth fetched.",
        ),
    ] = None,
    no_published: Annotated[
        bool, typer.Option("--no-published", help="Leave published scores out.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON, too.")
    ] = None,
) -> None:
    """Score rates of SET as the benchmark does.

    Scores stand under the benchmark's name of the result, which tells set and bin width, and beside
    published ones. Each score of phase test is counted in FOLDER/test_scores.json.
    """
    from undertow.nlb import write_nlb_scores
    from undertow.places import new_file

    place = Place(set_name, bin_ms, phase, folder)
    if submission is not None and model:
        raise UndertowError("--model and --submission are both given: score runs, or a file.")
    with nullcontext() if out is None else new_file(out, "nlb score"):
        scores, truth, notes = _scored(place, model, submission, targets)
        if out is not None:
            about = {"set_name": set_name, "bin_ms": bin_ms, "phase": phase}
            source = {"path": str(truth), "submission": submission and str(submission)}
            write_nlb_scores(out, scores, {**about, "source": source})
    show_scores(place, scores)
    if not no_published:
        show_published(place, scores)
    for note in notes:
        show.line(note)
    if out is not None:
        show.line(f"written: {out}")


Scored = tuple[Mapping[str, Mapping[str, "NLBScores"]], Path, list[str]]


def _scored(
    place: Place, model: list[str] | None, submission: Path | None, targets: Path | None
) -> Scored:
    """Scores by run, the file of truth, and what is to be said of both."""
    from undertow.nlb import score_submission

    if place.phase == "test":
        rates = _runs(place, model) if submission is None else _file(place, submission)
        found = _on_test_trials(place, rates, submission, targets)
        return found.scores, found.truth, [_which(found), *found.notes]
    truth = _truth(place, targets)
    rates = _runs(place, model) if submission is None else _file(place, submission)
    scores = {name: score_submission(each, truth) for name, each in rates.items()}
    return scores, targets or place.tensors_file, []


# --- phase test ----------------------------------------------------------------------------------


def _on_test_trials(
    place: Place, rates: Rates, submission: Path | None, targets: Path | None
) -> "TruthScores":
    """Scores of test trials, counted in the ledger."""
    from undertow.nlb import score_test_trials
    from undertow.nlb.truth_scores import holds_truth

    own = place.tensors_file
    if targets is None and own.exists() and holds_truth(own, place.set_name, place.bin_ms):
        targets = own  # of files that tell the truth of their test trials, as made ones may
    models = {run: _model(place, run) for run in rates} if submission is None else {}
    return score_test_trials(
        rates, place.set_name, place.bin_ms, place.folder, truth=targets, models=models
    )


def _model(place: Place, run: str) -> str:
    """The name of a run's model; the run's own where it does not say."""
    from undertow.files import read_json

    path = place.run(run) / "run.json"
    about = read_json(path) if path.exists() else {}
    return str(about.get("model", run)) if isinstance(about, dict) else run


def _which(found: "TruthScores") -> str:
    """Whether the scores compare with published ones."""
    if found.published:
        return f"truth: {found.truth}, the published file (SHA-256 checked)"
    return (
        f"truth: {found.truth}, which is not the published file: these scores do not compare with "
        "published ones"
    )


# --- phase val -----------------------------------------------------------------------------------


def _truth(place: Place, path: Path | None) -> "Tensors":
    """The targets, with the held-out spikes of evaluation trials.

    Raises:
        UndertowError: when they do not hold these, or are of another set, bin width or phase.
    """
    from undertow.nlb import read_nlb_tensors
    from undertow.nlb.tensors import TRUTH
    from undertow.nlb.truth import is_published

    if path is None:
        tensors = place.tensors()
    elif is_published(path):
        raise UndertowError(f"{path} is the truth of test trials: give --phase test to score them.")
    else:
        tensors = read_nlb_tensors(path, set_name=place.set_name, bin_ms=place.bin_ms, phase="val")
    if TRUTH not in tensors.targets:
        raise UndertowError(
            f"{path or place.tensors_file} has no truth of {place.label}: give a file that has "
            f"{TRUTH}."
        )
    return tensors


# --- rates ---------------------------------------------------------------------------------------


def _runs(place: Place, names: list[str] | None) -> dict[str, "Submission"]:
    """Rates by run.

    Raises:
        UndertowError: when there is no run.
    """
    chosen = names or place.runs()
    if not chosen:
        raise UndertowError(
            f"there is no finished run of {place.label}, in {place.directory}: run undertow nlb "
            f"fit {place.words} first."
        )
    return {name: place.rates(name) for name in chosen}


def _file(place: Place, path: Path) -> dict[str, "Submission"]:
    """The set's rates in a file.

    All of the file where the set is not in it, so that scoring says so.
    """
    from undertow.nlb import Submission, read_submission

    whole = read_submission(path)
    return {
        path.name: Submission({place.group: whole[place.group]}) if place.group in whole else whole
    }
