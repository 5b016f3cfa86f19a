"""The `undertow nlb` command."""

import typer

from undertow.cli.nlb.download import download
from undertow.cli.nlb.fit import fit
from undertow.cli.nlb.prepare import prepare
from undertow.cli.nlb.score import score
from undertow.cli.nlb.submit import submit
from undertow.cli.nlb.truth import truth

nlb = typer.Typer(
    help="The Neural Latents Benchmark: its recordings, tensors, scores and submissions.",
    no_args_is_help=True,
)
for verb in (download, prepare, fit, truth, score, submit):
    nlb.command()(verb)
