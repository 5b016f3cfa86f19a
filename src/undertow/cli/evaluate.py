"""`undertow evaluate`: scores of a fitted model."""

from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say


@guarded
def evaluate(
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON, too.")
    ] = None,
    quiet: options.Quiet = False,
    align: options.Align = None,
    window: options.Window = None,
    units: options.Units = None,
    condition: options.Condition = None,
    behavior: options.Behavior = None,
    stimulus: options.Stimulus = None,
    label: options.Label = None,
    forward_bins: options.ForwardBins = None,
) -> None:
    """Score MODEL: on the test trials of its run, or on all trials where DATA are other data.

    Options for reading DATA are those the run was fitted with, unless given.
    """
    from undertow.errors import UndertowError
    from undertow.experiments import SavedRun, ScoreTable, write_scores

    if out is not None and out.exists():
        raise UndertowError(f"{out} exists: choose another file for the scores.")
    saved = SavedRun.open(model)
    reading = options.reading(
        align, window, units, condition, behavior, forward_bins, stimulus, label
    )
    trials = saved.read(data, **reading)
    train, scored = saved.parts(trials)
    if not quiet:
        which = (
            "the run's test trials"
            if train is not None
            else "all trials: these are not the data of the fit"
        )
        say(f"{saved.model.cli_name}: {scored.n_trials} of {trials.n_trials} trials, {which}")
    scores = {saved.model.cli_name: saved.score(trials)}
    show.scores(scores)
    if out is not None:
        write_scores(
            out, ScoreTable(scores, {}), {"source": {"path": str(data), "model": str(model)}}
        )
