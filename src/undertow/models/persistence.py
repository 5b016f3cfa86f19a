"""Model files: safetensors, with the settings and the population in the JSON header."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import Tensor, nn

from undertow.dynamics import Dynamics
from undertow.dynamics.named import exported_class, exported_name, make_dynamics
from undertow.errors import ModelError
from undertow.models.base import Estimator
from undertow.models.parameters import SEPARATOR, annotations, option_classes
from undertow.names import kebab, nearest
from undertow.randomness import isolated_seed
from undertow.training import read_tensors, write_tensors

FORMAT = 2  # raised when files of before can no longer be read
DYNAMICS, OPTIONS, PART, CUSTOM = "dynamics", "options", "part", "custom"
AnyEstimator = TypeVar("AnyEstimator", bound=Estimator)


def save(
    model: Estimator, tensors: dict[str, Tensor], extra: dict[str, Any], path: str | Path
) -> Path:
    """Write a fitted model; its folder is made where it does not exist."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    params = {k: _plain(v) for k, v in model.get_params(deep=False).items()}
    header = {"format": FORMAT, "model": model.cli_name, "params": params, **extra}
    return write_tensors(path, tensors, header)


def load(
    cls: type[AnyEstimator], path: str | Path, params: Mapping[str, Any]
) -> tuple[AnyEstimator, dict[str, Tensor], dict[str, Any]]:
    """Read an unfitted model with the settings of a file, its tensors and the rest of its header.

    `params` replace settings, also those of pieces ('dynamics__potential').

    Raises:
        ModelError: for a file of another model, or a setting that cannot be read back and was not
            given.
    """
    tensors, header = read_tensors(Path(path))
    if header.get("model") != cls.cli_name:
        raise ModelError(
            f"{path} holds a {header.get('model')!r} model, not {cls.cli_name!r}: load it with its "
            "own class."
        )
    if header.get("format") != FORMAT:
        raise ModelError(
            f"{path} was written by another version of undertow, with other options: fit the model "
            "again."
        )
    settings, others = _overlaid(header["params"], params)
    types = annotations(cls)
    for name in settings:
        if name not in types:
            raise ModelError(
                f"{cls.__name__} has no parameter {name!r}, which {path} gives: "
                f"{nearest(name, types)}"
            )
    # read after the overlay: code that was given again must not be looked for in the file
    values = {k: _read(k, v, types[k], path) for k, v in settings.items()}
    return cls(**values).set_params(**others), tensors, header


def _overlaid(
    saved: Mapping[str, Any], params: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put given settings in the place of those in the file.

    Returns:
        the settings that the file holds, and the given ones that it does not hold.
    """
    settings, others = dict(saved), dict[str, Any]()
    for name, value in params.items():
        own, _, key = name.partition(SEPARATOR)
        held = settings.get(own)
        if name in settings:
            settings[name] = value
        elif isinstance(held, Mapping) and key in held:  # first: what is held may be unreadable
            settings[own] = {**held, key: value}
        else:
            others[name] = value
    return settings, others


def restore(network: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Load weights into a network made from the same file's settings.

    Raises:
        ModelError: where they do not fit.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise ModelError(
            f"{path} holds other weights than these settings make: load it as it was saved."
        ) from None


# --- settings as JSON ----------------------------------------------------------------------------


def _plain(value: Any) -> Any:
    """Turn a setting into JSON: library code by its name, other code by a description."""
    if isinstance(value, Dynamics):
        return _plain_dynamics(value)
    # options before callables: some options, such as KLSchedule, are both
    if is_dataclass(value) and not isinstance(value, type):
        held = {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
        return {OPTIONS: type(value).__name__, **held}
    if exported_name(value) is not None:
        return {PART: exported_name(value)}
    if callable(value):
        return {CUSTOM: getattr(value, "__qualname__", type(value).__name__)}
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def _plain_dynamics(dynamics: Dynamics) -> dict[str, Any]:
    """Turn dynamics into their name and settings."""
    name = exported_name(type(dynamics))
    settings = {key: _plain(value) for key, value in dynamics.settings.items()}
    custom = [v[CUSTOM] for v in settings.values() if isinstance(v, dict) and CUSTOM in v]
    if name is None or custom:
        return {CUSTOM: custom[0] if custom else type(dynamics).__qualname__}
    return {DYNAMICS: kebab(name), **settings}


def _read(name: str, value: Any, annotation: Any, path: str | Path) -> Any:
    """Turn what `_plain` wrote back into a setting; values that were given stay as they are."""
    if isinstance(value, list):
        return tuple(value)
    if not isinstance(value, dict):
        return value
    if CUSTOM in value:
        raise ModelError(
            f"{path} was fitted with {name}={value[CUSTOM]}: pass it again, load(path, {name}=…)."
        )
    if PART in value:
        return exported_class(value[PART])
    own = {
        k: _read(f"{name}{SEPARATOR}{k}", v, None, path)
        for k, v in value.items()
        if k not in (DYNAMICS, OPTIONS)
    }
    if DYNAMICS in value:
        with isolated_seed(0):  # weights drawn here are replaced by those of the file
            return make_dynamics(value[DYNAMICS], own)
    if OPTIONS in value:
        known = {cls.__name__: cls for cls in option_classes(annotation)}
        if value[OPTIONS] not in known:
            raise ModelError(f"{path} names {value[OPTIONS]!r} as {name}, which is none here.")
        return known[value[OPTIONS]](**own)
    return value
