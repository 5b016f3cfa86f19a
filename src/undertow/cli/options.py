"""Options that several verbs share."""

from pathlib import Path
from typing import Annotated, Any

import typer

from undertow.errors import UndertowError

READING = "Reading the data"

Data = Annotated[
    Path, typer.Argument(help="A recording: .npz, .h5/.hdf5, .nwb, .mat, .nc or a Phy folder.")
]
ModelFile = Annotated[Path, typer.Argument(help="model.safetensors, or the directory a fit wrote.")]
BinMs = Annotated[
    float | None,
    typer.Option(
        help="Bin width in ms; the file's own by default, 20 for spike times.",
        rich_help_panel=READING,
    ),
]
Align = Annotated[
    str | None, typer.Option(help="NWB: trial column to align to.", rich_help_panel=READING)
]
Window = Annotated[
    str | None,
    typer.Option(
        metavar="START,STOP", help="NWB: window around the event, seconds.", rich_help_panel=READING
    ),
]
Units = Annotated[
    str | None,
    typer.Option(help="NWB: which units, such as 'region==M1'.", rich_help_panel=READING),
]
Condition = Annotated[
    str | None,
    typer.Option(
        help="Trial column(s) or array(s) that make a condition, comma-separated.",
        rich_help_panel=READING,
    ),
]
Behavior = Annotated[
    str | None,
    typer.Option(help="Signals to read as behaviour, comma-separated.", rich_help_panel=READING),
]
Stimulus = Annotated[
    str | None,
    typer.Option(
        help="Signals or trial columns to read as external input, comma-separated.",
        rich_help_panel=READING,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(
        help="Trial column(s) or array(s) of categories to decode, comma-separated.",
        rich_help_panel=READING,
    ),
]
MinRate = Annotated[
    float | None,
    typer.Option(
        metavar="HZ", help="Leave out neurons below this mean rate.", rich_help_panel=READING
    ),
]
ForwardBins = Annotated[
    int | None,
    typer.Option(
        help="Last bins of the window to predict without seeing them.", rich_help_panel=READING
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting, such as latent_dim=32 or training.epochs=50; repeatable.",
    ),
]
Heldout = Annotated[
    int | None,
    typer.Option(
        metavar="K", help="Neurons held out; the file's own or a quarter by default, 0 for none."
    ),
]
SplitSeed = Annotated[
    int | None, typer.Option(help="Of held-out neurons, split and folds; 0 by default.")
]
Dynamics = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="latent-sde: which dynamics, such as neural-sde; coupled-oscillators by default. "
        "Their settings are --set dynamics.KEY=VALUE.",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="langevin-flow as published, 'paper' or 'released'; --set goes on top."
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
    stimulus: str | None = None,
    label: str | None = None,
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
        "stimulus": names(stimulus),
        "label": names(label),
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
            f"--window {text} is not START,STOP in seconds: write, for example, "
            "--window=-0.25,0.45."
        ) from None
    return start, stop
