"""`undertow nlb download`: the recordings of a set of the benchmark, from the DANDI archive."""

from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say


@guarded
def download(
    set_name: Annotated[str, typer.Argument(metavar="SET", help="Such as mc_maze_small.")],
    out: Annotated[
        Path,
        typer.Option(
            metavar="FOLDER", help="Where the NWB files go; files already there are checked."
        ),
    ],
    version: Annotated[
        str | None, typer.Option(help="Of the dandiset; the newest published one by default.")
    ] = None,
    api: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Address of the archive's interface; DANDI's by default."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Download the NWB files of SET into FOLDER, checked by SHA-256.

    The same command goes on after a break.
    """
    from undertow.nlb import download_set

    given = {} if api is None else {"api": api}
    try:
        for path in download_set(set_name, out, version, say=None if quiet else say, **given):
            show.line(path)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted; what arrived is kept, and the same command goes on."
        ) from None
