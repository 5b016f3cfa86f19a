"""The models there are: every exported `Estimator` with a `cli_name`; there is no other list."""

import difflib
import importlib
import inspect
from collections.abc import Iterable
from pathlib import Path

from undertow.errors import ModelError
from undertow.models.base import Estimator

PACKAGES = ("undertow.models", "undertow.baselines")


def model_choices() -> dict[str, type[Estimator]]:
    """Command-line name → class, for everything `undertow.models` and `undertow.baselines` export."""
    packages = [importlib.import_module(name) for name in PACKAGES]
    exported = [getattr(package, name) for package in packages for name in package.__all__]
    return {
        public.cli_name: public
        for public in exported
        if inspect.isclass(public) and issubclass(public, Estimator) and hasattr(public, "cli_name")
    }


def model_class(name: str) -> type[Estimator]:
    """The class behind a command-line name such as 'langevin-flow'.

    Raises:
        ModelError: for an unknown name, with the nearest one.
    """
    choices = model_choices()
    if name not in choices:
        raise ModelError(f"there is no model {name!r}: {nearest(name, choices)}")
    return choices[name]


def nearest(name: str, known: Iterable[str]) -> str:
    """'did you mean …?', or the list of known names where none is near."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"choose one of {', '.join(known)}."


def load_model(path: str | Path) -> Estimator:
    """Read a fitted model of any kind from the safetensors file its `save` wrote.

    Raises:
        ModelError: when the file is missing, is not a model file, or names an unknown model.
    """
    from undertow.training import read_header

    return model_class(read_header(Path(path))["model"]).load(path)
