"""`undertow predict`: rates and latents of a fitted model as files."""

from pathlib import Path
from typing import Annotated

import typer

from undertow.cli import options
from undertow.cli.errors import guarded


@guarded
def predict(
    model: options.ModelFile,
    data: options.Data,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory for the files.")],
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", help="Write N posterior samples, too (200 or more for intervals)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the posterior samples.")] = 0,
    mode: Annotated[
        str,
        typer.Option(
            metavar="smooth|generate",
            help="From all observations, or (latent-sde) from the first ones and the stimulus alone.",
        ),
    ] = "smooth",
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV files, too.")] = False,
    align: options.Align = None,
    window: options.Window = None,
    units: options.Units = None,
    condition: options.Condition = None,
    behavior: options.Behavior = None,
    stimulus: options.Stimulus = None,
    label: options.Label = None,
    forward_bins: options.ForwardBins = None,
) -> None:
    """Write rates (spikes/s), latents and behaviour predicted for all trials in DATA to DIR/predictions.nc.

    Options for reading DATA are those the model was fitted with, unless given.
    """
    from undertow.errors import UndertowError
    from undertow.experiments import SavedRun, write_csv, write_netcdf

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UndertowError(
            f"{out} exists and is not an empty directory: choose another for the predictions."
        )
    if samples is not None and samples < 1:
        raise UndertowError(f"--samples {samples}: it must be 1 or more.")
    if mode not in ("smooth", "generate"):
        raise UndertowError(f"--mode {mode}: it must be smooth or generate.")
    saved = SavedRun.open(model)
    reading = options.reading(align, window, units, condition, behavior, forward_bins, stimulus, label)
    prediction = saved.predict(saved.read(data, **reading), mode == "generate", samples, seed)
    out.mkdir(parents=True, exist_ok=True)
    written = [write_netcdf(prediction, out / "predictions.nc")]
    for path in [*written, *(write_csv(prediction, out) if csv else [])]:
        typer.echo(path)
