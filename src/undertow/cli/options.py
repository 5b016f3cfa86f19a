"""Options that several verbs share, alone and in groups."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

Data = Annotated[
    Path,
    typer.Argument(
        metavar="DATA", help="A recording: .npz, .h5/.hdf5, .nwb, .mat, .nc or a Phy folder."
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
        help="langevin-flow as published, 'paper' or 'released'; what --set changes goes on top.",
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
