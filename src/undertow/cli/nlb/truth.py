"""`undertow nlb truth`: the truth of the benchmark's test trials, from its tools repository."""

from pathlib import Path
from typing import Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.nlb.place import FOLDER, Folder


@guarded
def truth(
    folder: Folder = FOLDER,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A copy at hand to take instead, such as data/eval_data_test.h5 of a clone.",
        ),
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where the file is; the benchmark's own by default."),
    ] = None,
    sha256: Annotated[
        str | None, typer.Option(help="Of the file; that of the published one by default.")
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(metavar="BYTES", help="Of the file; that of the published one by default."),
    ] = None,
    quiet: options.Quiet = False,
) -> None:
    """Fetch the truth of all test trials, 106 MB, for undertow nlb score SET --phase test.

    It goes to FOLDER/truth/eval_data_test.h5, checked by size and SHA-256. The same command goes
    on after a break. Nothing but a score reads it.
    """
    from undertow.errors import UndertowError
    from undertow.nlb import fetch_truth

    if file is not None and address is not None:
        raise UndertowError("--file and --address are both given: take a copy, or download one.")
    given: dict[str, Any] = {"address": address, "sha256": sha256, "size": size}
    asked = {name: value for name, value in given.items() if value is not None}
    try:
        show.line(fetch_truth(folder, file, say=None if quiet else say, **asked))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted; what arrived is kept, and the same command goes on."
        ) from None
