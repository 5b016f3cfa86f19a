"""Model files: one safetensors file, the settings and the population in its JSON header."""

import inspect
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from torch import Tensor, nn

from undertow.dynamics import Dynamics
from undertow.dynamics.named import exported_class, exported_name, make_dynamics
from undertow.errors import ModelError
from undertow.models.base import Estimator, parameter_names
from undertow.names import kebab
from undertow.training import read_tensors, write_tensors

DYNAMICS, PART = "dynamics", "part"
AnyEstimator = TypeVar("AnyEstimator", bound=Estimator)


def save(
    model: Estimator, tensors: dict[str, Tensor], extra: dict[str, Any], path: str | Path
) -> Path:
    """Write a fitted model; the folder is made if need be."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {
        "model": model.cli_name,
        "params": {k: _plain(v) for k, v in model.get_params().items()},
        "neuron_ids": model.neuron_ids_.tolist(),
        "heldout": model.heldout_.tolist(),
        "bin_s": model.bin_s_,
        **extra,
    }
    return write_tensors(path, tensors, header)


def load(
    cls: type[AnyEstimator], path: str | Path, params: dict[str, Any]
) -> tuple[AnyEstimator, dict[str, Tensor], dict[str, Any]]:
    """An unfitted model with the settings and population of the file, its tensors and the rest of
    the header.

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
    settings = {**header["params"], **params}
    for name, value in settings.items():
        if name not in parameter_names(cls):
            raise ModelError(
                f"{cls.__name__} has no parameter {name!r}, which {path} or the call gives."
            )
        if isinstance(value, dict) and "custom" in value:
            raise ModelError(
                f"{path} was fitted with {name}={value['custom']}: pass it again, load(path, "
                f"{name}=…)."
            )
        if isinstance(value, dict) and DYNAMICS in value:
            given = {k: _read(v) for k, v in value.items() if k != DYNAMICS}
            settings[name] = make_dynamics(value[DYNAMICS], given)
    for name, parameter in inspect.signature(cls).parameters.items():
        if is_dataclass(parameter.default) and isinstance(settings.get(name), dict):
            kind: Any = type(parameter.default)
            settings[name] = kind(**settings[name])
    model = cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()})
    model.neuron_ids_ = np.array(header["neuron_ids"])
    model.heldout_ = np.array(header["heldout"], dtype=bool)
    model.bin_s_ = header["bin_s"]
    return model, tensors, header


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


def _plain(value: Any) -> Any:
    """A setting as JSON can hold it; code is only named."""
    if isinstance(value, Dynamics):
        return _plain_dynamics(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if callable(value):
        return {"custom": getattr(value, "__qualname__", type(value).__name__)}
    if isinstance(value, np.generic):
        return value.item()
    return list(value) if isinstance(value, tuple) else value


def _plain_dynamics(dynamics: Dynamics) -> dict[str, Any]:
    """Name and settings, among which classes of the library's own, such as a potential, are named
    too."""
    name, settings = exported_name(type(dynamics)), dict[str, Any]()
    for key, value in dynamics.settings.items():
        part = exported_name(value)
        settings[key] = _plain(value) if part is None else {PART: part}
    custom = [v["custom"] for v in settings.values() if isinstance(v, dict) and "custom" in v]
    if name is None or custom:
        return {"custom": custom[0] if custom else type(dynamics).__qualname__}
    return {DYNAMICS: kebab(name), **settings}


def _read(value: Any) -> Any:
    """A setting of dynamics from what `_plain_dynamics` wrote."""
    if isinstance(value, dict) and PART in value:
        return exported_class(value[PART])
    return tuple(value) if isinstance(value, list) else value
