"""`undertow simulate`: synthetic recordings whose true rates are known."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.cli import options, show
from undertow.cli.errors import guarded

if TYPE_CHECKING:
    from undertow.data import TrialSet

PREFIX = "simulate_"


@guarded
def simulate(
    system: Annotated[
        str,
        typer.Argument(metavar="SYSTEM", help="Which system: lorenz, oscillators or rate-network."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.h5", help="The file to write.")],
    setting: options.Setting = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of everything drawn: weights, starts, noise, spikes.")
    ] = 0,
) -> None:
    """Simulate SYSTEM and write its spikes and true rates to FILE.h5.

    Any stimulus and split go into the file too.
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
    """The exported function `simulate_<name>`, dashes for underscores.

    Raises:
        UndertowError: for an unknown system, with the nearest name.
    """
    import undertow.systems as systems
    from undertow.errors import UndertowError
    from undertow.names import nearest

    functions = [each for each in systems.__all__ if each.startswith(PREFIX)]
    known = {each.removeprefix(PREFIX).replace("_", "-"): each for each in functions}
    if name not in known:
        raise UndertowError(f"there is no system {name!r}: {nearest(name, list(known))}")
    simulator: Callable[..., TrialSet] = getattr(systems, known[name])
    return simulator
