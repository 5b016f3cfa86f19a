"""`undertow simulate`: synthetic recordings whose true rates are known."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded

if TYPE_CHECKING:
    from undertow.data import TrialSet


@guarded
def simulate(
    system: Annotated[
        str,
        typer.Argument(
            metavar="SYSTEM",
            help="Which one: lorenz, maze-like, oscillators or rate-network; "
            "undertow datasets describes them.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.h5", help="The file to write.")],
    setting: options.Setting = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of everything drawn: weights, starts, noise, spikes.")
    ] = 0,
) -> None:
    """Simulate SYSTEM and write its spikes and true rates to FILE.h5.

    Any stimulus, behaviour and split go into the file too.
    """
    from undertow.cli.configuring import construct
    from undertow.cli.settings import parse_pairs
    from undertow.data import write_hdf5
    from undertow.errors import UndertowError
    from undertow.places import new_file

    simulator = simulators_named(system)
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise UndertowError(f"{out} does not end in .h5: simulated trials are written as HDF5.")
    with new_file(out, "simulate"):
        trials = construct(simulator, {"seed": seed, **parse_pairs(setting or [])})
        write_hdf5(trials, out, overwrite=True)
    show.line(f"{out}: {trials!r}")


def simulators_named(name: str) -> Callable[..., "TrialSet"]:
    """The simulator of a data set, dashes for underscores.

    Raises:
        UndertowError: for an unknown system, with the nearest name.
    """
    from undertow.errors import UndertowError
    from undertow.names import nearest

    known = simulators()
    if name not in known:
        raise UndertowError(f"there is no system {name!r}: {nearest(name, list(known))}")
    return known[name]


def simulators() -> Mapping[str, Callable[..., "TrialSet"]]:
    """What `undertow.datasets` makes, by its name on the command line."""
    from undertow import datasets

    return {name.replace("_", "-"): getattr(datasets, name) for name in datasets.__all__}
