"""Dynamics from settings as text: 'coupled-oscillators' with `coupling=diffusive`, checked by name
and type."""

import inspect
import typing
from collections.abc import Mapping
from typing import Any

from undertow.dynamics import Dynamics
from undertow.dynamics.named import dynamics_names, setting_names
from undertow.errors import ModelError
from undertow.experiments.settings import fit_value
from undertow.names import find, nearest
from undertow.randomness import isolated_seed

PREFIX = "dynamics."
BY_MODEL = ("state_dim", "input_dim")
"""What the model says: its own `state_dim`, and the width of the stimulus."""


def split_dynamics(settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings of the dynamics without their prefix, all others)."""
    own = {k.removeprefix(PREFIX): v for k, v in settings.items() if k.startswith(PREFIX)}
    return own, {k: v for k, v in settings.items() if not k.startswith(PREFIX)}


def build_dynamics(name: str, state_dim: int, settings: Mapping[str, Any]) -> Dynamics:
    """The dynamics of this name and width; each setting made to fit its annotation.

    Raises:
        ModelError: for an unknown name or setting (with the nearest one), or a value that breaks
            its rule.
    """
    cls = find("dynamics", name, dynamics_names())
    types = {k: v for k, v in setting_types(cls).items() if k not in BY_MODEL}
    for key in settings:
        if key in BY_MODEL:
            given = "state_dim" if key == "state_dim" else "a stimulus"
            raise ModelError(f"the model sets {PREFIX + key}: give {given} itself.")
        if key not in types:
            near = nearest(PREFIX + key, [PREFIX + known for known in types])
            raise ModelError(f"{name} has no setting {PREFIX + key!r}: {near}")
    fitted: dict[str, Any] = {k: fit_value(PREFIX + k, v, types[k]) for k, v in settings.items()}
    make: Any = cls
    with isolated_seed(0):
        made: Dynamics = make(state_dim, **fitted)
    return made


def setting_types(cls: type[Dynamics]) -> dict[str, Any]:
    """Annotation of each of `setting_names`, from the class or the base that names it."""
    hints: dict[str, Any] = {}
    for base in reversed([each for each in cls.__mro__ if "__init__" in vars(each)]):
        if issubclass(base, Dynamics):
            own = typing.get_type_hints(base.__init__)
            hints |= {k: own[k] for k in inspect.signature(base).parameters if k in own}
    return {name: hints.get(name, Any) for name in setting_names(cls)}
