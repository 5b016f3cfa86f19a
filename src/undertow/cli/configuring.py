"""From settings by dotted key, such as training.epochs=50, to the model they configure."""

import dataclasses
import inspect
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from undertow.cli.settings import dataclass_in, fit_value
from undertow.dynamics import Dynamics
from undertow.dynamics.named import make_dynamics, setting_types
from undertow.errors import ModelError
from undertow.models.base import Estimator
from undertow.names import nearest, printable
from undertow.randomness import isolated_seed

Settings = Mapping[str, Any]
Model = TypeVar("Model", bound=Estimator)
BY_MODEL = {"state_dim": "its own width", "input_dim": "the stimulus"}
"""Arguments of dynamics that the model gives them, and from what."""


def construct(factory: Any, settings: Settings) -> Any:
    """Call a class or function with settings by name, each made to fit its argument's annotation.

    Raises:
        ModelError: for an unknown name (with the nearest valid one) or a value of the wrong type.
    """
    types = argument_types(factory)
    for key in settings:
        if key not in types:
            of = getattr(factory, "cli_name", factory.__name__)
            raise ModelError(f"{of} has no setting {printable(key)!r}: {nearest(key, types)}")
    return factory(**{key: fit_value(key, value, types[key]) for key, value in settings.items()})


def configure(model: type[Model] | Model, settings: Settings) -> Model:
    """An unfitted model with settings by dotted key, each made to fit its option's annotation.

    Arguments of the model itself go first, so that `dynamics.noise` is set of the dynamics that
    `dynamics` names. A dotted key changes one option of a part; its others stay as they are.

    Args:
        model: a class, for its defaults, or a model, which is left as it is.
        settings: values as `parse_value` reads them, such as {'training.epochs': 50}.

    Raises:
        ModelError: for an unknown key (with the nearest valid one), a value of the wrong type, or
            dynamics that refuse their width.
    """
    made = model() if isinstance(model, type) else model.copy()
    types = argument_types(type(made))
    own = {key: value for key, value in settings.items() if key in types}
    made.set_params(**{key: fit_value(key, value, types[key]) for key, value in own.items()})
    parts = {name: part_of(made, name) for name in types}
    for key in settings:
        if key not in own:
            _check_key(made.cli_name, key, types, parts)
    inner: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        name, dot, option = key.partition(".")
        if dot:
            fitted = fit_value(key, value, part_types(parts[name])[option])
            inner.setdefault(name, {})[option] = fitted
    changes = {f"{name}__{key}": v for name, each in inner.items() for key, v in each.items()}
    return made.set_params(**changes)


def option_names(types: Mapping[str, Any], parts: Settings) -> list[str]:
    """Every dotted key a model takes: an argument by its name, its options behind a dot.

    Args:
        types: argument → annotation.
        parts: argument → the part it stands for; None where it is a plain value.
    """
    found = []
    for name, annotation in types.items():
        part = parts[name]
        if part is None or annotation is not type(part):
            found.append(name)
        if part is not None:
            found += [f"{name}.{option}" for option in part_types(part) if option not in BY_MODEL]
    return found


def model_options(model: Estimator) -> list[str]:
    """Every dotted key that a model takes as it stands."""
    types = argument_types(type(model))
    return option_names(types, {name: part_of(model, name) for name in types})


def _check_key(of: str, key: str, types: Mapping[str, Any], parts: Settings) -> None:
    name, _, option = key.partition(".")
    if option in BY_MODEL and isinstance(parts.get(name), Dynamics):
        raise ModelError(f"{of} sets {key} from {BY_MODEL[option]}: leave it out.")
    known = option_names(types, parts)
    if key not in known:
        beside = [each for each in known if each.startswith(f"{name}.")]
        raise ModelError(f"{of} has no setting {printable(key)!r}: {nearest(key, beside or known)}")


# --- the parts of a model -------------------------------------------------------------------------


def part_of(model: Estimator, name: str) -> Any:
    """What the argument `name` stands for, whose options are set behind a dot.

    None for a plain value.

    Dynamics given by name are made, of the model's width, since some refuse one.
    """
    value = model.piece(name)
    if name == "dynamics" and isinstance(value, str):
        with isolated_seed(0):
            return make_dynamics(value, {"state_dim": model.get_params(deep=False)["latent_dim"]})
    if value is None:
        kind = dataclass_in(argument_types(type(model))[name])
        return None if kind is None else kind()
    return value if isinstance(value, Dynamics) or dataclasses.is_dataclass(value) else None


# --- types of options -----------------------------------------------------------------------------


def argument_types(factory: Any) -> dict[str, Any]:
    """Argument → annotation (or the type of its default)."""
    hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    parameters = inspect.signature(factory).parameters.values()
    return {p.name: hints.get(p.name, type(p.default)) for p in parameters}


def part_types(part: Any) -> dict[str, Any]:
    """Option → annotation, of a dataclass or of dynamics."""
    return setting_types(type(part)) if isinstance(part, Dynamics) else argument_types(type(part))
