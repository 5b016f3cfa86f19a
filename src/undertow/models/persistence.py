"""Model files: safetensors, with the settings and the population in the JSON header."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_origin

import numpy as np
from torch import Tensor, nn

from undertow.dynamics import Dynamics
from undertow.dynamics.named import (
    dynamics_names,
    exported_class,
    exported_name,
    make_dynamics,
    setting_types,
)
from undertow.dynamics.starting import LogFrequencies
from undertow.errors import ModelError
from undertow.models.base import Estimator
from undertow.models.parameters import SEPARATOR, annotations, option_classes
from undertow.models.sizes import Size
from undertow.names import find, kebab, nearest, printable, shown
from undertow.randomness import isolated_seed
from undertow.schema import field_types, fit_value, kinds, record
from undertow.training import broken_history, read_tensors, write_tensors

FORMAT = 2  # raised when files of before can no longer be read
DYNAMICS, OPTIONS, PART, CUSTOM = MARKERS = ("dynamics", "options", "part", "custom")
"""Keys that say what a table stands for."""
JSON_TYPES = (dict, list, str, int, float, type(None))
SECONDS = "seconds"
"""Entry of a row of the history that is measured by the clock."""
AnyEstimator = TypeVar("AnyEstimator", bound=Estimator)


@dataclass(frozen=True)
class Header:
    """What the JSON header of a model file holds.

    Attributes:
        format: version of this layout.
        model: the model's name on the command line.
        params: its settings.
        history: one row per validation.
        population: what it knows of the trials it was fitted on.
    """

    format: int
    model: str
    params: dict[str, Any]
    history: list[dict[str, int | float]]
    population: dict[str, Any]


def save(
    model: Estimator,
    tensors: dict[str, Tensor],
    history: Sequence[Mapping[str, float]],
    population: dict[str, Any],
    path: Path,
) -> Path:
    """Write a fitted model; its folder is made where it does not exist.

    Equal fits make equal files: seconds, which never repeat, stay out of them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    params = {k: _plain(v) for k, v in model.get_params(deep=False).items()}
    rows = [{k: v for k, v in row.items() if k != SECONDS} for row in history]
    header = Header(FORMAT, model.cli_name, params, rows, population)
    return write_tensors(path, tensors, asdict(header))


def load(
    cls: type[AnyEstimator], path: str | Path, params: Mapping[str, Any]
) -> tuple[AnyEstimator, dict[str, Tensor], Header]:
    """Read an unfitted model with the settings of a file, its tensors and its header.

    `params` replace settings, also those of pieces ('dynamics__potential').

    Raises:
        ModelError: for a file of another model, a header that breaks its schema, or a setting that
            cannot be read back and was not given.
    """
    tensors, found = read_tensors(Path(path))
    check_model(found, cls, path)
    if found.get("format") != FORMAT:
        raise ModelError(
            f"{path} was written by another version of undertow, with other options: fit the model "
            "again."
        )
    header = record(Header, found, f"the header of {path}")
    if why := broken_history(header.history):
        raise ModelError(f"{path} is damaged: {why}.")
    before = {k: v for k, v in cls.settings_before.items() if not _held(header.params, k)}
    settings, others = _overlaid(header.params, {**before, **params})
    types = known_types(cls, settings, path)
    # read after the overlay: code that was given again must not be looked for in the file
    values = {k: _read(k, v, types[k], path) for k, v in settings.items()}
    return cls(**values).set_params(**others), tensors, header


def known_types(cls: type, settings: Iterable[str], path: str | Path) -> dict[str, Any]:
    """The types of a class's settings, where it has all those that a file gives.

    Raises:
        ModelError: for one that it has not, with the nearest.
    """
    types = annotations(cls)
    for name in settings:
        if name not in types:
            raise ModelError(
                f"{cls.__name__} has no parameter {printable(name)!r}, which {path} gives: "
                f"{nearest(name, types)}"
            )
    return types


def check_model(header: Mapping[str, Any], cls: type[Estimator], path: str | Path) -> None:
    """Refuse the header of another model.

    Raises:
        ModelError: naming the model that the file holds.
    """
    if header.get("model") != cls.cli_name:
        raise ModelError(
            f"{path} holds a {shown(header.get('model'))} model, not {cls.cli_name!r}: load it "
            "with its own class."
        )


def _held(saved: Mapping[str, Any], name: str) -> bool:
    """Whether a file gives this setting, or the piece it would be of stands by its name."""
    own, _, key = name.partition(SEPARATOR)
    value = saved.get(own)
    return own in saved if not key else not isinstance(value, Mapping) or key in value


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


def check_size(size: Size, tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Refuse settings of a larger network than a file holds, before it is built.

    Raises:
        ModelError: with both numbers of weights.
    """
    held = sum(tensor.numel() for tensor in tensors.values())
    if size.weights > held:
        raise ModelError(
            f"{path} holds other weights than these settings make ({held:,} in all, and they make "
            f"at least {size.weights:,}): load it as it was saved."
        )


def restore(network: nn.Module, tensors: dict[str, Tensor], path: str | Path) -> None:
    """Load weights into a network made from the same file's settings.

    Raises:
        ModelError: where names, shapes or kinds of number differ, or a weight is not a number.
    """
    for name, module in network.named_modules():
        if isinstance(module, LogFrequencies):
            tensors = module.converted(tensors, f"{name}." if name else "", path)
    learned = {name for name, _ in network.named_parameters()}
    if differs := next(_differences(network.state_dict(), tensors, learned), None):
        raise ModelError(
            f"{path} holds other weights than these settings make ({differs}): load it as it was "
            "saved."
        )
    network.load_state_dict(tensors)


def _differences(
    wanted: Mapping[str, Tensor], found: Mapping[str, Tensor], learned: Collection[str]
) -> Iterator[str]:
    """What differs between the weights of a network and those of a file, a phrase each."""
    for name in {**wanted, **found}:
        if name not in found:
            yield f"{name} is missing"
        elif name not in wanted:
            yield f"{printable(name)} is unknown"
        elif wanted[name].shape != found[name].shape:
            shapes = tuple(found[name].shape), tuple(wanted[name].shape)
            yield f"{name} has the shape {shapes[0]}, not {shapes[1]}"
        elif wanted[name].is_floating_point() != found[name].is_floating_point():
            yield f"{name} holds {found[name].dtype}, not {wanted[name].dtype}"
        elif name in learned and found[name].isnan().any():
            yield f"{name} holds NaN"


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
    """Turn what `_plain` wrote back into a setting; values that were given stay as they are.

    Raises:
        ModelError: for what is no value of this setting.
    """
    if not isinstance(value, JSON_TYPES):
        return value
    marker = next((m for m in MARKERS if isinstance(value, dict) and m in value), None)
    if marker is None or not isinstance(value, dict):
        return fit_value(f"{name} in {path}", value, annotation)
    what, own = value[marker], {k: v for k, v in value.items() if k != marker}
    if not isinstance(what, str):
        raise ModelError(f"{path} names {shown(what)} as {name}: it must be a name.")
    if marker == CUSTOM:
        raise ModelError(
            f"{path} was fitted with {name}={printable(what)}: pass it again, load(path, {name}=…)."
        )
    if marker == PART and what == "":
        return None  # so files of this format say None inside options
    if marker == PART:
        return _part(name, what, annotation, path)
    if marker == DYNAMICS and Dynamics in kinds(annotation):
        types = setting_types(find("dynamics", what, dynamics_names()))
        with isolated_seed(0):  # weights drawn here are replaced by those of the file
            return make_dynamics(what, _read_all(name, own, types, path))
    known = {cls.__name__: cls for cls in option_classes(annotation)}
    if marker != OPTIONS or what not in known:
        raise ModelError(f"{path} names {printable(what)!r} as {name}, which is none here.")
    types = field_types(known[what])
    if unknown := [key for key in own if key not in types]:
        raise ModelError(
            f"{name} in {path} has no option {printable(unknown[0])!r}: "
            f"{nearest(unknown[0], types)}"
        )
    return known[what](**_read_all(name, own, types, path))


def _read_all(
    name: str, values: Mapping[str, Any], types: Mapping[str, Any], path: str | Path
) -> dict[str, Any]:
    """Read the settings of a piece; those it does not have are left to the piece to refuse."""
    return {
        k: _read(f"{name}{SEPARATOR}{k}", v, types.get(k, Any), path) for k, v in values.items()
    }


def _part(name: str, what: str, annotation: Any, path: str | Path) -> Any:
    """A class of the library's dynamics, such as a potential, by its name."""
    found = exported_class(what)
    if found is None or not any(get_origin(kind) is Callable for kind in kinds(annotation)):
        raise ModelError(f"{path} names {printable(what)!r} as {name}, which is none here.")
    return found
