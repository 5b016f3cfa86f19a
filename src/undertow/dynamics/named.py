"""Dynamics by name, for command lines and files: 'coupled-oscillators' is `CoupledOscillators`."""

import inspect
import typing
from collections.abc import Mapping
from typing import Any

import undertow.dynamics
from undertow.dynamics.base import Dynamics
from undertow.errors import ModelError
from undertow.names import find, kebab, nearest


def dynamics_names() -> dict[str, type[Dynamics]]:
    """Map names to classes, of every exported dynamics that is not the base of others."""
    exported = (getattr(undertow.dynamics, name) for name in undertow.dynamics.__all__)
    classes = [each for each in exported if inspect.isclass(each) and issubclass(each, Dynamics)]
    return {kebab(cls.__name__): cls for cls in classes if not inspect.isabstract(cls)}


def make_dynamics(name: str, settings: Mapping[str, Any]) -> Dynamics:
    """Make the dynamics of this name with `settings`.

    Raises:
        ModelError: for an unknown name, with those there are, an unknown setting, with those it
            has, or no width.
    """
    cls = find("dynamics", name, dynamics_names())
    known = setting_names(cls)
    for setting in settings:
        if setting not in known:
            raise ModelError(
                f"dynamics {name!r} have no setting {setting!r}: {nearest(setting, known)}"
            )
    if "state_dim" not in settings:
        raise ModelError(
            f"dynamics {name!r} need a state_dim, the width of their state: give it beside the "
            "name."
        )
    return cls(**settings)


def setting_types(cls: type[Dynamics]) -> dict[str, Any]:
    """Annotation of each of `setting_names`, from the class or the base that names it."""
    hints: dict[str, Any] = {}
    for base in reversed([each for each in cls.__mro__ if "__init__" in vars(each)]):
        if issubclass(base, Dynamics):
            own = typing.get_type_hints(base.__init__)
            hints |= {k: own[k] for k in inspect.signature(base).parameters if k in own}
    return {name: hints.get(name, Any) for name in setting_names(cls)}


def exported_name(value: Any) -> str | None:
    """Return the name under which `undertow.dynamics` exports a class; None for anything else."""
    name = value.__name__ if inspect.isclass(value) else ""
    return name if name and exported_class(name) is value else None


def exported_class(name: str) -> Any:
    """Return the class exported by `undertow.dynamics` under this name; None for no such."""
    found = getattr(undertow.dynamics, name) if name in undertow.dynamics.__all__ else None
    return found if inspect.isclass(found) else None


def setting_names(cls: type[Dynamics]) -> list[str]:
    """Return the names of the constructor's arguments, with those it passes on to its bases."""
    return list(setting_defaults(cls))


def setting_defaults(cls: type[Dynamics]) -> dict[str, Any]:
    """Return the defaults of the same arguments, by name.

    The width has none, and is given as `inspect.Parameter.empty`.
    """
    found: dict[str, Any] = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or not issubclass(base, Dynamics):
            continue
        parameters = inspect.signature(base).parameters.values()
        for parameter in parameters:
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
                found.setdefault(parameter.name, parameter.default)
        if all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in parameters):
            break
    return found
