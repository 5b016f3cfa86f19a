"""`undertow nlb fit`: a model on a prepared set of the benchmark."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, resumable, say
from undertow.cli.nlb.place import FOLDER, BinMs, Folder, PhaseName, Place, SetName
from undertow.cli.nlb.showing import show_scores
from undertow.cli.plan import Plan

if TYPE_CHECKING:
    from undertow.models import Estimator
    from undertow.nlb import Tensors


@guarded
@options.grouped()
def fit(
    set_name: SetName,
    bin_ms: BinMs,
    computing: options.Computing,
    phase: PhaseName = "val",
    folder: Folder = FOLDER,
    model: Annotated[
        str | None, typer.Option(help="Which model; langevin-flow by default.")
    ] = None,
    out: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the run; the model's by default.")
    ] = None,
    dynamics: options.Dynamics = None,
    preset: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Settings for SET: default; paper or released of langevin-flow; reference of "
            "smoothing. --set goes on top.",
        ),
    ] = "default",
    ensemble: Annotated[
        int | None,
        typer.Option(metavar="N", help="Fit N seeds of the model and average their rates."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Of weights, noise and batches; 0 by default.")
    ] = None,
    split_seed: Annotated[
        int | None, typer.Option(help="Of the validation trials; 0 by default.")
    ] = None,
    setting: options.Setting = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run.")] = False,
    quiet: options.Quiet = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would run, and estimate its time; write nothing."),
    ] = False,
) -> None:
    """Fit a model to SET as prepared, and predict its evaluation trials.

    Writes FOLDER/<set>_<bin>_<phase>/<model>/: run.json, checkpoint/, model.safetensors, rates.h5
    (the submission) and, in phase val, scores.json. Choices are made on 15 % of the training
    trials; evaluation trials are predicted once.
    """
    from undertow.nlb import nlb_preset

    place = Place(set_name, bin_ms, phase, folder)
    given = {
        "model": model,
        "dynamics": dynamics,
        "ensemble": ensemble,
        "seed": seed,
        "split_seed": split_seed,
        **vars(computing),
    }
    plan = Plan.resolve(given, setting or [], config=None)
    plan.computing.begin()
    settings = nlb_preset(set_name, bin_ms, plan.model, preset)
    plan = replace(plan, out=str(place.run(out or plan.model)), set={**settings, **plan.set})
    estimator, tensors = plan.build_model(), place.tensors()
    if dry_run:
        _say_cost(plan, place, estimator, tensors)
        return
    _run(plan, place, estimator, tensors, resume, quiet)


def _run(
    plan: Plan, place: Place, model: "Estimator", tensors: "Tensors", resume: bool, quiet: bool
) -> None:
    """Fit, write, print."""
    from undertow.nlb import fit_nlb
    from undertow.training import Progress

    common: dict[str, Any] = {
        "split_seed": plan.split_seed,
        "source": {"path": str(place.tensors_file)},
    }
    common |= {
        "progress": None if quiet else Progress(),
        "say": None if quiet else say,
        "verbose": not quiet,
    }
    directory = plan.directory()
    with resumable(directory):
        done = fit_nlb(tensors, model, directory, resume=resume, **common)
    if done.scores:
        show_scores(place, {done.directory.name: done.scores})
    else:
        show.line(f"no scores yet: {_next(place)}")
    typer.echo(f"fit: {done.fit_s:.1f} s")
    show.line(f"rates: {done.directory / 'rates.h5'}")


def _next(place: Place) -> str:
    """How rates without scores get some."""
    if place.phase == "test":
        return f"undertow nlb score {place.words} scores test trials, and counts that it did."
    return f"the truth is not in {place.tensors_file}; undertow nlb score takes it from --targets."


def _say_cost(plan: Plan, place: Place, model: "Estimator", tensors: "Tensors") -> None:
    """What would run, and its time from a few real training steps; nothing is written."""
    from undertow.data import Splits, split_validation
    from undertow.experiments import estimate
    from undertow.nlb import trials_of

    train, evaluation = trials_of(tensors)
    splits = Splits(*split_validation(train, seed=plan.split_seed), evaluation)
    cost = estimate(model, splits)
    steps = f"{cost.steps} training steps, timed here" if cost.steps else "timed here"
    time = f"at most about {show.duration(cost.seconds)} ({steps}), then predicting"
    show.facts(
        {
            "set": place.label,
            "trials": train,
            "train / validation / evaluation trials": " / ".join(
                str(part.n_trials) for part in splits
            ),
            "results": plan.out,
            "model": repr(model),
            "time": time,
        }
    )
