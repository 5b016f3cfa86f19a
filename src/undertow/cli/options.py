"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from undertow.errors import UndertowError

READING = "Reading the data"

Data = Annotated[Path, typer.Argument(help="A recording: .npz, .h5/.hdf5 (LFADS layout) or .nwb.")]
ModelFile = Annotated[Path, typer.Argument(help="model.safetensors, or the directory a fit wrote.")]
BinMs = Annotated[
    float | None,
    typer.Option(
        help="Bin width in ms; the file's own by default, 20 for spike times.", rich_help_panel=READING
    ),
]
Align = Annotated[str | None, typer.Option(help="NWB: trial column to align to.", rich_help_panel=READING)]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="START,STOP", help="NWB: window around the event, seconds.", rich_help_panel=READING
    ),
]
Units = Annotated[
    str | None, typer.Option(help="NWB: which units, such as 'region==M1'.", rich_help_panel=READING)
]
Condition = Annotated[
    str | None,
    typer.Option(
        help="Trial column(s) or array(s) that make a condition, comma-separated.", rich_help_panel=READING
    ),
]
Behavior = Annotated[
    str | None,
    typer.Option(help="Signals to read as behaviour, comma-separated.", rich_help_panel=READING),
]
MinRate = Annotated[
    float | None,
    typer.Option(metavar="HZ", help="Leave out neurons below this mean rate.", rich_help_panel=READING),
]
ForwardBins = Annotated[
    int | None,
    typer.Option(help="Last bins of the window to predict without seeing them.", rich_help_panel=READING),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, such as latent_dim=32 or training.epochs=50; repeatable.",
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but results and errors.")]


def reading(
    align: str | None = None,
    window: str | None = None,
    units: str | None = None,
    condition: str | None = None,
    behavior: str | None = None,
    forward_bins: int | None = None,
) -> dict[str, Any]:
    """Options of reading by the names the readers know; None where not given.

    Raises:
        UndertowError: for a window that is not two numbers.
    """
    given = {
        "align": align,
        "window_s": None if window is None else parse_window(window),
        "units": units,
        "condition": names(condition),
        "behavior": names(behavior),
    }
    return given if forward_bins is None else {**given, "forward_bins": forward_bins}


def names(text: str | None) -> list[str] | None:
    """'a, b' → ['a', 'b']; a single name too."""
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def parse_window(text: str) -> tuple[float, float]:
    """'-0.25,0.45' → (-0.25, 0.45), seconds.

    Raises:
        UndertowError: when it is not two numbers.
    """
    try:
        start, stop = (float(part) for part in text.split(","))
    except ValueError:
        raise UndertowError(
            f"--window {text} is not START,STOP in seconds: write, for example, --window=-0.25,0.45."
        ) from None
    return start, stop
