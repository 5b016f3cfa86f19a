"""`undertow evaluate`: scores of a fitted model."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import OF_THE_MODEL, Reading


@guarded
@options.grouped(without=OF_THE_MODEL)
def evaluate(
    model: options.ModelFile,
    data: options.Data,
    reading: Reading,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON, too.")
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Score MODEL: on the test trials of its run, or on all trials where DATA are other data.

    Options for reading DATA are those the run was fitted with, unless given.
    """
    from undertow.experiments import SavedRun, ScoreTable, write_scores
    from undertow.places import new_file

    with nullcontext() if out is None else new_file(out, "evaluate"):
        saved = SavedRun.open(model)
        trials = saved.read(data, **reading.options())
        train, scored = saved.parts(trials)
        if not quiet:
            which = (
                "the run's test trials"
                if train is not None
                else "all trials: these are not the data of the fit"
            )
            say(f"{saved.model.cli_name}: {scored.n_trials} of {trials.n_trials} trials, {which}")
        found = ScoreTable({saved.model.cli_name: saved.score(trials)}, {})
        show.scores(found)
        if out is not None:
            write_scores(out, found, {"source": {"path": str(data), "model": str(model)}})
