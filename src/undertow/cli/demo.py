"""`undertow demo`: the whole path on synthetic data, in about two minutes."""

from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, resumable, say

SECONDS = 120.0
# many noise-free trajectories, seen often: less dropout and smaller batches than for a recording of
# a hundred trials
SETTINGS = {"dropout": 0.05, "training.batch_size": 16}


@guarded
def demo(
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="A new directory for the results.")
    ] = Path("demo"),
    seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Most seconds the fit may take.")
    ] = SECONDS,
    resume: Annotated[bool, options.flag("--resume", "Go on with the demo in DIR.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Simulate the Lorenz set, fit LangevinFlow and print its scores and its report's path.

    The fit takes two minutes at most.
    """
    from undertow.cli.configuring import configure
    from undertow.experiments import run
    from undertow.experiments.identity import left_by_a_killed_run
    from undertow.models import LangevinFlow
    from undertow.systems import simulate_lorenz
    from undertow.training import Progress

    trials = simulate_lorenz()
    if not quiet:
        say(f"Lorenz system: {trials!r}, true rates known; fitting for at most {seconds:g} s")
    model = configure(LangevinFlow, {**SETTINGS, "training.max_seconds": seconds})
    source = {"path": "simulated Lorenz system (defaults)"}
    progress, tell = (None, None) if quiet else (Progress(), say)
    with resumable(out):
        # a demo that was killed is gone on with unasked
        again = resume or left_by_a_killed_run(out)
        show.result(run(trials, model, out, 0, again, progress, source, tell))
