"""`undertow evaluate`: scores of a fitted model."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import OF_THE_MODEL, Reading

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.evaluation.scores.score import Scores
    from undertow.experiments import SavedRun


@guarded
@options.grouped(without=OF_THE_MODEL)
def evaluate(
    model: options.ModelFile,
    data: options.Data,
    computing: options.Computing,
    reading: Reading,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the scores as JSON, too.")
    ] = None,
    calibrate: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Of a latent-sde: also simulate N trials from its own prior, with the stimulus of "
            "DATA, and say how well inference finds what made them (0.9 is right).",
        ),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Score MODEL: on the test trials of its run, or on all trials where DATA are other data.

    The true rates' scores stand beside where they are known; what cannot be scored is said.

    Options for reading DATA are those the run was fitted with, unless given.
    """
    from undertow.experiments import SavedRun, write_scores
    from undertow.places import new_file

    computing.begin()
    with nullcontext() if out is None else new_file(out, "evaluate"):
        saved = SavedRun.open(model, **computing.settings())
        trials = saved.read(data, **reading.options())
        if not quiet:
            say(f"{saved.cli_name}: {_which(saved, trials)}")
        found = saved.evaluate(trials)
        show.scores(found.table)
        own = None if calibrate is None else _calibrated(saved, trials, calibrate)
        if out is not None:
            about: dict[str, Any] = {
                "source": {"path": str(data), "model": str(model)},
                "missing": found.missing,
            }
            if own is not None:
                about["calibration"] = {name: each.to_dict() for name, each in own.items()}
            write_scores(out, found.table, about)
    if not quiet:
        for why, scores in _by_reason(found.missing).items():
            say(f"no {', '.join(scores)}: {why}")


def _calibrated(saved: "SavedRun", trials: "TrialSet", n: int) -> "Scores":
    """Show how calibrated inference is, by `simulation_based_calibration`."""
    from undertow.analysis import simulation_based_calibration
    from undertow.errors import ModelError
    from undertow.models import LatentSDE

    if not isinstance(saved.model, LatentSDE):
        raise ModelError(
            f"--calibrate simulates from the prior of a single latent-sde, and {saved.cli_name} "
            "here has none: leave it out."
        )
    scores = simulation_based_calibration(saved.model, n, trials=trials).scores()
    say(f"inference on {n} trials simulated from the model itself:")
    typer.echo(repr(scores))
    return scores


def _by_reason(missing: Mapping[str, str]) -> dict[str, list[str]]:
    """The scores that are missing for each reason."""
    found: dict[str, list[str]] = {}
    for name, why in missing.items():
        found.setdefault(why, []).append(name)
    return found


def _which(saved: "SavedRun", trials: "TrialSet") -> str:
    """Which trials are scored, and by which model."""
    if saved.by_fold(trials):
        return f"all {trials.n_trials} trials, each by the model of the fold that did not see it"
    train, scored = saved.parts(trials)
    which = "the run's test trials"
    if train is None:
        which = "all trials: these are not the data of the fit"
    if saved.folds:
        which += f"; rates are the mean of {len(saved.folds)} folds' models"
    return f"{scored.n_trials} of {trials.n_trials} trials, {which}"
