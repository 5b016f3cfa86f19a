"""`undertow adapt`: a new session for a model of several; only layers of its own are learned."""

from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, resumable, say
from undertow.cli.plan import Plan
from undertow.cli.reading import Reading


@guarded
@options.grouped()
def adapt(
    joint: Annotated[
        Path,
        typer.Argument(metavar="JOINT", help="The directory that a fit of several DATA wrote."),
    ],
    data: options.Data,
    computing: options.Computing,
    reading: Reading,
    out: Annotated[str, typer.Option(metavar="DIR", help="A new directory for the results.")],
    heldout: options.Heldout = None,
    split_seed: options.SplitSeed = None,
    steps: Annotated[
        int | None,
        typer.Option(metavar="N", help="Optimiser steps; 200 by default."),
    ] = None,
    figures: options.Figures = None,
    resume: Annotated[bool, options.flag("--resume", "Go on with the run in DIR.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Adapt a model of several sessions to DATA, a new one: other neurons, the same dynamics.

    Encoder, dynamics and decoders stay as they are; the read-in and the readouts of the new
    session are learned, and scored on its test trials. DIR is an ordinary run, as fit writes it.
    """
    given = {"out": out, "heldout": heldout, "split_seed": split_seed, "figures": figures}
    plan = Plan.resolve({**given, **vars(computing)}, [], None, reading)
    plan.computing.begin()
    from dataclasses import replace

    from undertow.experiments import run
    from undertow.models import JointModel
    from undertow.models.joint.joined import adapting_training
    from undertow.training import Progress

    model = JointModel.load(joint, **plan.computing.settings())
    if plan.reading.bin_ms is None:
        plan = replace(plan, reading=replace(plan.reading, bin_ms=1e3 * model.bin_s_))
    trials = plan.read(data)
    training = adapting_training(model.template().training, steps)
    if not quiet:
        say(f"{', '.join(model)}: adapting to {trials!r} from {data.name}")
    with resumable(plan.directory()), model.adapting(trials, training) as new:
        show.result(
            run(
                trials,
                new,
                plan.directory(),
                split_seed=plan.split_seed,
                resume=resume,
                progress=None if quiet else Progress(),
                source=plan.source(data),
                say=None if quiet else say,
                figures=plan.figure_kinds(),
                verbose=not quiet,
            )
        )
