"""`undertow stream`: a fitted model bin by bin, from a rig or a recording."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded, say
from undertow.cli.reading import OF_THE_MODEL, Reading

if TYPE_CHECKING:
    from undertow.data import TrialSet
    from undertow.experiments import SavedRun
    from undertow.live import Source
    from undertow.live.running import Sink
    from undertow.models.streaming import Stream


@guarded
@options.grouped(without=OF_THE_MODEL)
def stream(
    model: options.ModelFile,
    reading: Reading,
    source: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS|FILE",
            help="redis://HOST:PORT/0?stream=NAME (&field=, &dtype=, &bin=, or &times= and "
            "&units=), tcp://HOST:PORT to listen on, stdin, or a recording to replay.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Directory for the results.")],
    to: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Send results on: redis://HOST:PORT/0?stream=NAME, or - to print.",
        ),
    ] = None,
    decode: Annotated[
        Path | None,
        typer.Option(
            metavar="DATA",
            help="Decode behaviour from rates; the decoder learns on the training trials of DATA.",
        ),
    ] = None,
    lag_ms: Annotated[
        float, typer.Option(metavar="MS", help="By how much behaviour follows rates.")
    ] = 100.0,
    samples: Annotated[
        int | None,
        typer.Option(metavar="N", help="Posterior samples averaged: 2 for speed."),
    ] = None,
    particles: Annotated[
        int,
        typer.Option(metavar="K", help="Filter with K particles (latent-sde; 500 or more)."),
    ] = 0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the samples.")] = 0,
    speed: Annotated[
        float,
        typer.Option(metavar="X", help="Replay a recording X times as fast; 0 for no waiting."),
    ] = 1.0,
    seconds: Annotated[
        float | None, typer.Option(metavar="S", help="End after so many seconds.")
    ] = None,
    page: Annotated[
        bool, options.flag("--show", "Serve a page that draws latents and behaviour.")
    ] = False,
    anywhere: Annotated[
        bool, options.flag("--anywhere", "Allow hosts other than this machine.")
    ] = False,
) -> None:
    """Run a fitted causal model on bins as they come, and write what it knows of each to DIR.

    Missing bins are stepped over, late and repeated ones dropped, and all are counted. Ctrl-C ends
    it; `undertow.live.read_stream` reads DIR, at any time.
    """
    from undertow import checks
    from undertow.errors import UndertowError
    from undertow.experiments import SavedRun
    from undertow.live import run_stream
    from undertow.live.readings import ROWS
    from undertow.places import new_folder

    checks.number("--speed", speed, 0, 1e6, error=UndertowError)
    if seconds is not None:
        checks.number("--seconds", seconds, 0, 1e9, above=True, error=UndertowError)
    saved, ended = SavedRun.open(model), None
    ready = _stream(saved, decode, reading, lag_ms, samples, particles, seed)
    with new_folder(out, "stream"), ExitStack() as stack:
        given = _source(source, anywhere, saved, reading, speed)
        stack.callback(given.close)
        sinks = _sinks(to, anywhere, page, ready.bin_s)
        for sink in sinks:
            stack.callback(sink.close)
        try:
            counted = run_stream(ready, given, out, sinks, seconds)
        except (KeyboardInterrupt, UndertowError) as why:
            if not (out / ROWS).exists():
                raise
            ended = why  # outside the block, which would remove what was streamed
    if isinstance(ended, KeyboardInterrupt):
        raise KeyboardInterrupt(f"ended; what was streamed is in {out}.")
    if ended is not None:
        raise UndertowError(f"{ended} What was streamed before is in {out}.")
    say(f"streamed {counted.sentence(ready.bin_s)}")
    show.line(out)


def _stream(
    saved: "SavedRun",
    decode: Path | None,
    reading: Reading,
    lag_ms: float,
    samples: int | None,
    particles: int,
    seed: int,
) -> "Stream":
    """The model as a stream, with a decoder where that is asked for."""
    from undertow.errors import UndertowError
    from undertow.models import LatentSDE

    model, further = saved.model, dict[str, Any]()
    if saved.folds:
        raise UndertowError(
            "this directory holds a model per fold: give the model.safetensors of one."
        )
    if particles:
        if not isinstance(model, LatentSDE):
            raise UndertowError(
                f"--particles {particles}: {model.cli_name} has no paths to filter."
            )
        further["particles"] = particles
    behavior: TrialSet | None = None
    if decode is not None:
        trials = saved.read(decode, **reading.options())
        train, _ = saved.parts(trials)
        behavior = trials if train is None else train
    return model.stream(behavior, lag_s=lag_ms / 1e3, samples=samples, seed=seed, **further)


def _source(
    address: str, anywhere: bool, saved: "SavedRun", reading: Reading, speed: float
) -> "Source":
    from undertow.live import open_source
    from undertow.live.replay import Replay
    from undertow.live.sockets import SocketSource

    found = open_source(address, anywhere)
    if isinstance(found, Path):
        return Replay(saved.read(found, **reading.options()), speed)
    if isinstance(found, SocketSource):
        say(f"listening on port {found.port}")
    return found


def _sinks(to: str | None, anywhere: bool, page: bool, bin_s: float) -> "list[Sink]":
    from undertow.live.page import LivePage
    from undertow.live.sink import open_sink

    sinks: list[Sink] = []
    if to is not None:
        sinks.append(open_sink(to, anywhere))
    if page:
        live = LivePage(bin_s)
        say(f"open {live.address}")
        sinks.append(live)
    return sinks
