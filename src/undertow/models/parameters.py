"""Parameters of a model by name, including those of its pieces.

They are called 'training__epochs' in Python and 'training.epochs' on the command line.
"""

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from undertow.dynamics import Dynamics
from undertow.dynamics.named import dynamics_names, make_dynamics, setting_defaults
from undertow.errors import ModelError
from undertow.names import find, nearest
from undertow.options import Options
from undertow.randomness import isolated_seed

SEPARATOR = "__"


def parameter_names(cls: type) -> list[str]:
    """Return the names of the constructor's arguments."""
    return [name for name in inspect.signature(cls).parameters if name != "self"]


@cache
def annotations(cls: type) -> dict[str, Any]:
    """Return the types of the constructor's arguments."""
    hints = typing.get_type_hints(inspect.getattr_static(cls, "__init__"))  # or a base's
    return {name: hints.get(name, Any) for name in parameter_names(cls)}


def option_classes(annotation: Any) -> list[type[Options]]:
    """Return the classes of options that a type admits."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    kinds = typing.get_args(annotation) if is_union else (annotation,)
    return [k for k in kinds if inspect.isclass(k) and issubclass(k, Options)]


def as_options(argument: str, value: Any, annotation: Any) -> Any:
    """Turn the name of options into the options ('gru' → `GRUEncoding()`); keep anything else.

    Raises:
        ModelError: for a name that stands for none, or a value of another type.
    """
    classes = option_classes(annotation)
    if isinstance(value, str):
        named = {cls.name: cls for cls in classes if cls.name is not None}
        kinds = {k: cls for cls in classes if cls.name is None for k in _kinds(cls)}
        if value in named:
            return named[value]()
        if value in kinds:
            made: Any = kinds[value]
            return made(kind=value)
        if named or kinds:
            raise ModelError(f"{argument} is {value!r}: {nearest(value, [*named, *kinds])}")
    left_out = value is None and type(None) in typing.get_args(annotation)
    if not left_out and not isinstance(value, tuple(classes)):
        known = " or ".join(f"{cls.__name__}(…)" for cls in classes)
        raise ModelError(f"{argument} is {value!r}: it must be {known}.")
    return value


def _kinds(cls: type[Options]) -> tuple[str, ...]:
    """Return the values that a class's own `kind` may take."""
    return typing.get_args(typing.get_type_hints(cls).get("kind"))


def nested(value: Any, width: int | None = None) -> dict[str, Any]:
    """Return the parameters of a piece by name; a plain value has none.

    Args:
        value: options, dynamics, or the name of dynamics.
        width: width of the state, where dynamics are given by name.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, Dynamics):
        return setting_defaults(type(value)) | value.settings
    if width is not None and isinstance(value, str):
        return setting_defaults(find("dynamics", value, dynamics_names())) | {"state_dim": width}
    return {}


def changed(name: str, value: Any, changes: Mapping[str, Any], width: int | None = None) -> Any:
    """Return a piece with some of its parameters changed.

    Raises:
        ModelError: for a parameter it does not have, with the nearest one.
    """
    known = nested(value, width)
    for key in changes:
        if key not in known:
            raise ModelError(f"{name} has no parameter {key!r}: {_has(key, known)}")
    with isolated_seed(0):  # dynamics draw weights when they are made; a fit draws them anew
        if isinstance(value, Dynamics):
            return value.remade(**changes)
        if isinstance(value, str):
            return make_dynamics(value, {"state_dim": width, **changes})
    return dataclasses.replace(value, **_unset(value, changes), **changes)


def _unset(value: Options, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options to unset because an alternative to them is set: to None, or False."""
    left_out = (None, False)
    groups = [g for g in value.alternatives if any(changes.get(k) not in left_out for k in g)]
    unset = [name for group in groups for name in group if name not in changes]
    return {name: False if isinstance(getattr(value, name), bool) else None for name in unset}


def _has(key: str, known: Mapping[str, Any]) -> str:
    return nearest(key, known) if known else "it has none."


def exchanged(before: Any, after: Any) -> Any:
    """Replace options by others, keeping the values both have except the choice itself."""
    if not isinstance(before, Options) or not isinstance(after, Options) or before is after:
        return after
    shared = (nested(before).keys() & nested(after).keys()) - {"kind"}
    return dataclasses.replace(after, **{k: v for k, v in nested(before).items() if k in shared})


def one_line(value: Any) -> str:
    """Format a parameter on one line; pieces show only what differs from their defaults."""
    if isinstance(value, Dynamics):
        settings = value.settings
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        settings = {
            f.name: getattr(value, f.name)
            for f in dataclasses.fields(value)
            if getattr(value, f.name) != f.default
        }
    else:
        return repr(value)
    given = ", ".join(f"{name}={each!r}" for name, each in settings.items())
    return f"{type(value).__name__}({given})"
