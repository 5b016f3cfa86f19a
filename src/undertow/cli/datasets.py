"""`undertow datasets`: the data sets that can be made, with their sizes."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

from undertow.cli import show
from undertow.cli.errors import guarded
from undertow.cli.simulate import simulators

if TYPE_CHECKING:
    from undertow.data import TrialSet


@guarded
def datasets() -> None:
    """List the data sets that undertow makes: nothing is downloaded.

    `undertow simulate NAME --out FILE.h5` writes one, and `undertow.datasets` makes it in Python.
    """
    heads = ["name", "trials × bins × neurons", "what"]
    show.table(heads, [[name, _size(made), _what(made)] for name, made in simulators().items()])
    show.line("Write one: undertow simulate NAME --out FILE.h5 (--set KEY=VALUE changes its sizes)")


def _size(simulator: Callable[..., "TrialSet"]) -> str:
    """Sizes by default, from the arguments: making the sets would take seconds."""
    default = {name: p.default for name, p in inspect.signature(simulator).parameters.items()}
    trials = default.get("n_trials")
    if trials is None:
        each = default["trials_per_condition"]
        trials = default["conditions"] * (sum(each) if isinstance(each, tuple) else each)
    return f"{trials} × {default['bins']} × {default['n_neurons']}"


def _what(simulator: Callable[..., "TrialSet"]) -> str:
    """The first sentence of a simulator's documentation."""
    text = inspect.getdoc(simulator) or ""
    return " ".join(text.split("\n\n")[0].split()).removeprefix("Simulate ").rstrip(".")
