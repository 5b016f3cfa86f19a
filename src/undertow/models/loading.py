"""Models by their command-line name, and reading the model file of any of them.

Every exported `Estimator` with a `cli_name` is one; there is no other list.
"""

import importlib
import inspect
from pathlib import Path
from typing import Any

from undertow.errors import ModelError
from undertow.models.base import Estimator
from undertow.names import find
from undertow.training import read_header

PACKAGES = ("undertow.models", "undertow.baselines")


def model_choices() -> dict[str, type[Estimator]]:
    """Map names to classes, of all that `undertow.models` and `undertow.baselines` export."""
    packages = [importlib.import_module(name) for name in PACKAGES]
    exported = [getattr(package, name) for package in packages for name in package.__all__]
    classes = [each for each in exported if inspect.isclass(each) and issubclass(each, Estimator)]
    return {cls.cli_name: cls for cls in classes if not inspect.isabstract(cls)}


def model_class(name: str) -> type[Estimator]:
    """Return the class behind a command-line name such as 'langevin-flow'.

    Raises:
        ModelError: for an unknown name, with the nearest one.
    """
    return find("model", name, model_choices())


def load_model(path: str | Path, **params: Any) -> Estimator:
    """Read a fitted model of any kind from the safetensors file its `save` wrote.

    `params` replace arguments, such as functions no file can hold.

    Raises:
        ModelError: when the file is missing, is not a model file, or names an unknown model.
    """
    name = read_header(Path(path)).get("model")
    if not isinstance(name, str):
        raise ModelError(f"{path} names no model: it is no model file, or a damaged one.")
    return model_class(name).load(path, **params)
