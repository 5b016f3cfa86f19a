"""The `undertow` command."""

import typer

from undertow.cli import output, signals
from undertow.cli.ablate import ablate
from undertow.cli.adapt import adapt
from undertow.cli.compare import compare
from undertow.cli.datasets import datasets
from undertow.cli.demo import demo
from undertow.cli.evaluate import evaluate
from undertow.cli.fit import fit
from undertow.cli.grid import grid
from undertow.cli.info import info
from undertow.cli.latents import latents
from undertow.cli.nlb.app import nlb
from undertow.cli.predict import predict
from undertow.cli.simulate import simulate
from undertow.cli.stream import stream
from undertow.cli.tune import tune

app = typer.Typer(
    name="undertow",
    help="Stochastic latent dynamics of neural populations: fit, compare, understand.",
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
VERBS = (
    fit,
    adapt,
    tune,
    compare,
    grid,
    ablate,
    latents,
    evaluate,
    predict,
    stream,
    simulate,
    datasets,
    info,
    demo,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(nlb, name="nlb")


def version_option(show: bool) -> None:
    """Print the version and stop."""
    if show:
        from undertow import __version__

        typer.echo(f"undertow {__version__}")
        raise typer.Exit


@app.callback()
def common(
    version: bool = typer.Option(
        False,
        "--version",
        callback=version_option,
        is_eager=True,
        help="Print the version and exit.",
    ),
) -> None:
    """Stochastic latent dynamics of neural populations: fit, compare, understand."""


def main() -> None:
    """Run the command line, and end with its exit code."""
    signals.leave_on_signals()
    out, err = output.install()
    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(bool(end.code))
        code = output.ended(code, out)
        err.flush()
        raise SystemExit(code) from None
