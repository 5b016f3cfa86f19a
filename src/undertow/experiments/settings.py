"""Settings as text: `key=value` pairs and TOML tables become constructor arguments, checked by
their annotations."""

import dataclasses
import inspect
import json
import tomllib
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from undertow.errors import ModelError, UndertowError
from undertow.names import nearest

NONE_WORDS = ("none", "null")


def parse_pairs(pairs: Iterable[str]) -> dict[str, Any]:
    """`["latent_dim=32", "training.epochs=50"]` → values by dotted key.

    Raises:
        ModelError: for a pair without '='.
    """
    settings = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise ModelError(
                f"the setting {pair!r} is not KEY=VALUE: write, for example, latent_dim=32."
            )
        settings[key.strip()] = parse_value(text.strip())
    return settings


def parse_value(text: str) -> Any:
    """A number, true/false, none or a list where the text reads as one in JSON; otherwise the text
    itself."""
    if text.lower() in NONE_WORDS:
        return None
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except json.JSONDecodeError:
        return text


def read_toml(path: str | Path) -> dict[str, Any]:
    """A TOML file as settings by key; the table `[set]` holds model settings, its sub-tables dotted
    ones.

    Raises:
        UndertowError: when the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UndertowError(f"the config file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UndertowError(f"the config file {path} is not valid TOML: {error}.") from None


def construct(factory: Any, settings: Mapping[str, Any]) -> Any:
    """Call `factory` (a class or function) with settings by dotted key, each made to fit its
    parameter's annotation.

    A dotted key changes one field of a dataclass argument; its other fields keep their defaults.

    Raises:
        ModelError: for an unknown key (with the nearest valid one) or a value of the wrong type.
    """
    return factory(**_arguments(factory, settings, _name(factory)))


def _arguments(
    factory: Any, settings: Mapping[str, Any], of: str, prefix: str = ""
) -> dict[str, Any]:
    """Checked arguments of `factory`, which is `of` itself or its argument named by `prefix`."""
    known = option_types(factory)
    arguments: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for key, value in settings.items():
        head, _, rest = key.partition(".")
        if head not in known or (rest and _dataclass_in(known[head]) is None):
            near = nearest(prefix + key, [prefix + name for name in option_names(factory)])
            raise ModelError(f"{of} has no setting {prefix + key!r}: {near}")
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            arguments[head] = fit_value(prefix + key, value, known[head])
    for head, values in nested.items():
        default: Any = arguments.get(head, inspect.signature(factory).parameters[head].default)
        given = dataclasses.is_dataclass(default)
        kind: Any = type(default) if given else _dataclass_in(known[head])
        fields = _arguments(kind, values, of, f"{prefix}{head}.")
        arguments[head] = dataclasses.replace(default, **fields) if given else kind(**fields)
    return arguments


def option_types(factory: Any) -> dict[str, Any]:
    """Parameter name → annotation (or the type of its default)."""
    hints = typing.get_type_hints(factory.__init__ if inspect.isclass(factory) else factory)
    parameters = inspect.signature(factory).parameters.values()
    return {p.name: hints.get(p.name, type(p.default)) for p in parameters}


def option_names(factory: Any) -> list[str]:
    """Every dotted key `construct` takes."""
    names = []
    for name, annotation in option_types(factory).items():
        inner = _dataclass_in(annotation)
        names += [name] if inner is None else [f"{name}.{field}" for field in option_types(inner)]
    return names


def fit_value(key: str, value: Any, annotation: Any) -> Any:
    """`value` as one of the types `annotation` allows: exact first, then whole numbers as floats
    and lists as tuples.

    Raises:
        ModelError: naming the key, the value and what it may be.
    """
    kinds = _kinds(annotation)
    for convert in (_exactly, _loosely):
        for kind in kinds:
            fitted = convert(value, kind)
            if fitted is not _NO:
                return fitted
    raise ModelError(f"{key} is {value!r}: it must be {' or '.join(map(_kind_name, kinds))}.")


_NO: Any = object()


def _exactly(value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        return value if value in typing.get_args(kind) else _NO
    if kind is Any or (value is None and kind is type(None)):
        return value
    plain = typing.get_origin(kind) or kind
    if plain is Mapping:
        return value if isinstance(value, Mapping) else _NO
    return value if isinstance(plain, type) and type(value) is plain else _NO


def _loosely(value: Any, kind: Any) -> Any:
    plain = typing.get_origin(kind) or kind
    if plain is float and type(value) is int:
        return float(value)
    if plain is int and type(value) is float and value.is_integer():
        return int(value)
    if plain is str and type(value) in (int, float):
        return str(value)
    if plain in (tuple, list, Sequence) and isinstance(value, list | str):
        items = (
            value
            if isinstance(value, list)
            else [parse_value(part.strip()) for part in value.split(",")]
        )
        return _items(items, kind, list if plain is list else tuple)
    return _NO


def _items(items: list[Any], kind: Any, plain: type) -> Any:
    inner = [k for k in typing.get_args(kind) if k is not Ellipsis]
    try:
        return plain(fit_value("item", item, inner[0]) if inner else item for item in items)
    except ModelError:
        return _NO


def _kinds(annotation: Any) -> list[Any]:
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return list(typing.get_args(annotation)) if is_union else [annotation]


def _kind_name(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    if inspect.isclass(kind) and dataclasses.is_dataclass(kind):
        return f"set field by field ({', '.join(option_types(kind))})"
    plain = typing.get_origin(kind) or kind
    words: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
    }
    words |= {type(None): "none", tuple: "a list", list: "a list", Sequence: "a list"}
    return words[plain] if plain in words else str(kind)


def _dataclass_in(annotation: Any) -> Any:
    """The dataclass an annotation allows, if any."""
    return next(
        (k for k in _kinds(annotation) if inspect.isclass(k) and dataclasses.is_dataclass(k)), None
    )


def _name(factory: Any) -> str:
    return str(getattr(factory, "cli_name", factory.__name__))
