"""Options that several verbs share, alone and in groups."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from undertow.checks import whole
from undertow.errors import UndertowError

if TYPE_CHECKING:
    from undertow.experiments import Workers

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="A recording: .npz, .h5/.hdf5, .nwb, .mat, .nc or a Phy folder."
    ),
]
Recordings = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="A recording: .npz, .h5/.hdf5, .nwb, .mat, .nc or a Phy folder. Several, or a folder "
        "of them, are sessions that share one model.",
    ),
]
Several = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="Recordings, each .npz, .h5/.hdf5, .nwb, .mat, .nc or a Phy folder, or folders of "
        "them.",
    ),
]
ModelFile = Annotated[
    Path,
    typer.Argument(metavar="MODEL", help="model.safetensors, or the directory a fit wrote."),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Which model; langevin-flow by default.")
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
        metavar="NAME",
        help="langevin-flow or latent-sde as published, 'paper' or 'released', lfads as "
        "'released'; of the first two also 'auto', which races recipes on validation trials and is "
        "what fit takes by itself for langevin-flow, or 'default'. --set goes on top.",
    ),
]
Setting = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting of the model, such as latent_dim=32 or training.epochs=50; repeatable.",
    ),
]
Heldout = Annotated[
    int | None,
    typer.Option(
        metavar="K",
        help="How many neurons to hide from the model, to score how well it predicts them; "
        "the file's own or a quarter by default, 0 for none.",
    ),
]
SplitSeed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Decides which neurons and trials are held out, and the folds; 0 by default.",
    ),
]


Figures = Annotated[
    str | None,
    typer.Option(
        metavar="KINDS",
        help="Kinds of files in figures/, such as svg,pdf; png by default. The report's page holds "
        "its own.",
    ),
]
MOST_THREADS = 1024


@dataclass(frozen=True)
class Computing:
    """On what a model computes; the same for every verb that fits or predicts."""

    device: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Where the model computes: cpu, cuda, cuda:1, … or auto, CUDA where there is one; "
            "the model's own setting by default.",
        ),
    ] = None
    threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Threads on the CPU; by default one for small models, else as many as PyTorch "
            "takes. The processes of --workers have one each.",
        ),
    ] = None

    def begin(self) -> None:
        """Take so many threads from here on.

        Raises:
            UndertowError: for a number of threads or a device that cannot be.
        """
        if self.threads is not None:
            whole("--threads", self.threads, 1, MOST_THREADS, error=UndertowError)
            from undertow.training import use_threads

            use_threads(self.threads)
        if self.device is not None:
            from undertow.training import choose_device

            choose_device(self.device)

    def settings(self) -> dict[str, str]:
        """Settings of the model that were asked for."""
        return {} if self.device is None else {"device": self.device}


SPREAD = "Workers"


def _spread(help_text: str, metavar: str) -> Any:
    return typer.Option(help=help_text, metavar=metavar, rich_help_panel=SPREAD)


@dataclass(frozen=True)
class Spreading:
    """Where the fits of a verb run; the same for every verb that does several."""

    workers: Annotated[
        int | None,
        _spread("Fits at a time, one thread each; 1, on a cluster what it has room for.", "N"),
    ] = None
    engine: Annotated[
        str,
        _spread(
            "local: processes of this machine; ray: tasks of Ray; auto takes ray for a cluster.",
            "NAME",
        ),
    ] = "auto"
    address: Annotated[
        str | None,
        _spread("A running Ray cluster: auto, HOST:PORT or ray://HOST:PORT.", "ADDRESS"),
    ] = None
    shard: Annotated[
        str | None,
        _spread(
            "Do the K-th of N parts of the fits alone, as one task of a Slurm array; the process "
            "that ends last writes the results of all.",
            "K/N",
        ),
    ] = None

    def chosen(self) -> "Workers":
        """Where fits run.

        Raises:
            UndertowError: for an option that breaks its rule, or without Ray, where it is needed.
        """
        from undertow.experiments import Shard, Workers

        if self.workers is not None:
            whole("--workers", self.workers, 1, error=UndertowError)
        Shard.of(self.shard)
        engine: Any = self.engine
        return Workers.resolved(Workers(self.workers, engine, self.address))


def flag(name: str, help_text: str) -> Any:
    """An option without a value."""
    return typer.Option(name, help=help_text, metavar="")


Quiet = Annotated[bool, flag("--quiet", "Say nothing but results and errors.")]


def grouped(*, without: tuple[str, ...] = ()) -> Callable[..., Callable[..., None]]:
    """Give a verb that takes a dataclass of options the options themselves, last in its help.

    Each field of such a dataclass holds the type and the `typer.Option` of one option, so that
    verbs that share them declare one argument: `def info(data: Data, reading: Reading)`.

    Args:
        without: fields that make no sense for this verb; they keep their defaults.
    """

    def of(verb: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(verb, include_extras=True)
        groups = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
        added = {name: _parameters(kind, without) for name, kind in groups.items()}

        @functools.wraps(verb)
        def run(**given: Any) -> None:
            made: dict[str, Any] = {}
            for name, parameters in added.items():
                kind: Any = groups[name]
                made[name] = kind(**{each.name: given.pop(each.name) for each in parameters})
            verb(**given, **made)

        own = [
            each.replace(annotation=hints[each.name])
            for each in inspect.signature(verb).parameters.values()
            if each.name not in groups
        ]
        shared = [each for parameters in added.values() for each in parameters]
        run.__annotations__ = {each.name: each.annotation for each in (*own, *shared)}
        run.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
        return run

    return of


def _parameters(group: Any, without: tuple[str, ...]) -> list[inspect.Parameter]:
    """One keyword-only parameter for each option of a group."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=each.default,
            annotation=hints[each.name],
        )
        for each in fields(group)
        if each.name not in without
    ]
