"""`undertow nlb score`: the benchmark's scores of runs, or of any software's submission file."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import show
from undertow.cli.errors import guarded
from undertow.cli.nlb.place import FOLDER, BinMs, Folder, PhaseName, Place, SetName
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.nlb import NLBScores, Submission, Tensors

UNITS = {"bps": "bits/spike", "R2": "R²", "corr": "r, more negative is better"}


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
            help="HDF5 with the truth, in the benchmark's layout; what was prepared by default.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON, too.")
    ] = None,
) -> None:
    """Score rates of SET as the benchmark does.

    Scores stand under the benchmark's name of the result, which tells set and bin width.
    """
    from undertow.nlb import score_submission, write_nlb_scores
    from undertow.places import new_file

    place = Place(set_name, bin_ms, phase, folder)
    if submission is not None and model:
        raise UndertowError("--model and --submission are both given: score runs, or a file.")
    with nullcontext() if out is None else new_file(out, "nlb score"):
        truth = _truth(place, targets)
        rates = _runs(place, model) if submission is None else _file(place, submission)
        scores = {name: score_submission(each, truth) for name, each in rates.items()}
        if out is not None:
            about = {"set_name": set_name, "bin_ms": bin_ms, "phase": phase}
            source = {
                "path": str(targets or place.tensors_file),
                "submission": submission and str(submission),
            }
            write_nlb_scores(out, scores, {**about, "source": source})
    show_scores(place, scores)
    if out is not None:
        show.line(f"written: {out}")


def show_scores(place: Place, by_run: Mapping[str, Mapping[str, "NLBScores"]]) -> None:
    """Print scores of runs side by side, under the benchmark's name of the result.

    That name tells set and bin width.
    """
    splits = list(dict.fromkeys(split for found in by_run.values() for split in found))
    for split in splits:
        columns = {run: found[split].values for run, found in by_run.items() if split in found}
        names = list(dict.fromkeys(name for values in columns.values() for name in values))
        typer.echo(f"{split}: {place.label}")
        rows = [
            [n, *(f"{v[n]:.4f}" if n in v else "–" for v in columns.values()), _unit(n)]
            for n in names
        ]
        show.table(["score", *columns, "unit"], rows)


def _unit(name: str) -> str:
    return next(unit for end, unit in UNITS.items() if name.endswith(end))


def _truth(place: Place, path: Path | None) -> "Tensors":
    """The targets, with the held-out spikes of evaluation trials.

    Raises:
        UndertowError: when they do not hold the held-out spikes of evaluation trials.
    """
    from undertow.nlb.tensors import TRUTH

    tensors = place.tensors() if path is None else _targets(place, path)
    if TRUTH in tensors.targets:
        return tensors
    why = (
        "the truth of test trials is not public, and only the benchmark's own server scores them: "
        "score phase val here, and make the file to send with undertow nlb submit"
        if place.phase == "test"
        else f"give a file that has {TRUTH}"
    )
    raise UndertowError(f"{path or place.tensors_file} has no truth of {place.label}: {why}.")


def _targets(place: Place, path: Path) -> "Tensors":
    """The targets in a file.

    Raises:
        UndertowError: when it is of another set, bin width or phase.
    """
    from undertow.data.readers.hdf5_file import opened_hdf5
    from undertow.nlb import read_nlb_tensors
    from undertow.nlb.files import stored_labels

    tensors = read_nlb_tensors(path, set_name=place.set_name, bin_ms=place.bin_ms)
    with opened_hdf5(path) as file:
        # only files written here tell it
        told = stored_labels(path, file).get("phase", place.phase)
    if told != place.phase:
        raise UndertowError(f"{path} is of phase {told}, not {place.phase}.")
    return tensors


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
