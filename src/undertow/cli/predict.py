"""`undertow predict`: rates and latents of a fitted model as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import OF_THE_MODEL, Reading

if TYPE_CHECKING:
    from undertow.data import Prediction

ONE_EACH = (
    "each trial is predicted by the model of the fold that did not see it; latents are left out, "
    "since each model has coordinates of its own"
)
MEAN_OF_FOLDS = "rates are the mean of the folds' models; latents are those of the first"


@guarded
@options.grouped(without=OF_THE_MODEL)
def predict(
    model: options.ModelFile,
    data: options.Data,
    computing: options.Computing,
    reading: Reading,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory for the files.")],
    samples: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Write N posterior samples, too (200 or more for intervals of rates, which are "
            "mostly too narrow: see --widen).",
        ),
    ] = None,
    widen: Annotated[
        str | None,
        typer.Option(
            metavar="FACTOR|auto",
            help=(
                "Spread the samples' log-rates so many times as far; auto reads the factor off "
                "held-out neurons' spikes."
            ),
        ),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the posterior samples.")] = 0,
    mode: Annotated[
        str,
        typer.Option(
            metavar="smooth|generate",
            help=(
                "From all observations, or (latent-sde, gp-slds) from the first ones and the "
                "stimulus alone."
            ),
        ),
    ] = "smooth",
    refine: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Gradient steps on each trial's own posterior (latent-sde; 50 to 200).",
        ),
    ] = 0,
    particles: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="Draw paths of the smoothing law with K particles a trial (latent-sde; 500 or "
            "more).",
        ),
    ] = 0,
    csv: Annotated[bool, options.flag("--csv", "Write CSV files, too.")] = False,
) -> None:
    """Write what a fitted model predicts for all trials in DATA to DIR/predictions.nc.

    These are rates (spikes/s), latents and behaviour.

    Options for reading DATA are those the model was fitted with, unless given.
    """
    from undertow import checks
    from undertow.errors import UndertowError
    from undertow.experiments import SavedRun, write_netcdf
    from undertow.experiments.prediction_files import csv_files
    from undertow.places import new_folder

    if samples is not None and samples < 1:
        raise UndertowError(f"--samples {samples}: it must be 1 or more.")
    checks.whole("--refine", refine, 0, error=UndertowError)
    checks.whole("--particles", particles, 0, error=UndertowError)
    if mode not in ("smooth", "generate"):
        raise UndertowError(f"--mode {mode}: it must be smooth or generate.")
    factor = _factor(widen, samples)
    computing.begin()
    with new_folder(out, "predict"):
        saved = SavedRun.open(model, **computing.settings())
        trials = saved.read(data, **reading.options())
        if saved.folds:
            say(ONE_EACH if saved.by_fold(trials) else MEAN_OF_FOLDS)
        prediction = saved.predict(trials, mode == "generate", samples, seed, refine, particles)
        if factor is not None:
            prediction = _widened(prediction, factor)
        written = [write_netcdf(prediction, out / "predictions.nc", overwrite=True)]
        if csv:
            # one by one: what was written before a failure is removed with it
            written.extend(csv_files(prediction, out, overwrite=True))
    for path in written:
        show.line(path)


def _factor(widen: str | None, samples: int | None) -> float | str | None:
    """What --widen asks for: a number above zero, 'auto' or nothing."""
    from undertow.errors import UndertowError

    if widen is None or widen == "auto":
        factor: float | str | None = widen
    else:
        try:
            factor = float(widen)
        except ValueError:
            factor = 0.0
        if not 0 < factor < float("inf"):
            raise UndertowError(f"--widen {widen}: it must be a number above zero, or auto.")
    if factor is not None and samples is None:
        raise UndertowError("--widen spreads samples: ask for some with --samples N, 200 or more.")
    return factor


def _widened(prediction: "Prediction", factor: float | str) -> "Prediction":
    """The prediction with its samples spread.

    Where the factor is estimated, it is printed, and it never narrows the samples.
    """
    from undertow.evaluation import spread_factor, widened

    if isinstance(factor, str):
        found = spread_factor(prediction)
        factor = max(found.value, 1.0)
        estimate = f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
        say(
            f"samples spread {factor:.2f} times as far; held-out neurons tell {estimate}, and none "
            "are narrowed"
        )
    return widened(prediction, factor)
