"""Settings as text, made values of the type that an annotation asks for.

The text is `key=value` pairs or TOML tables.
"""

import inspect
import json
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from undertow.errors import ModelError, UndertowError

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
    """A value from text, read as JSON: a number, true/false, none or a list.

    Other text stays text.
    """
    if text.lower() in NONE_WORDS:
        return None
    try:
        return json.loads(text.lower() if text.lower() in ("true", "false") else text)
    except json.JSONDecodeError:
        return text


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file as settings by key.

    The table `[set]` holds model settings, its sub-tables dotted ones.

    Raises:
        UndertowError: when the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UndertowError(f"the config file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UndertowError(f"the config file {path} is not valid TOML: {error}.") from None


def fit_value(key: str, value: Any, annotation: Any) -> Any:
    """`value` as one of the types that `annotation` allows.

    Exact types go first, then whole numbers as floats and lists as tuples.

    Raises:
        ModelError: naming the key, the value and what it may be.
    """
    kinds = _kinds(annotation)
    for convert in (_exactly, _loosely):
        for kind in kinds:
            fitted = convert(value, kind)
            if fitted is not _NO:
                return fitted
    raise ModelError(f"{key} is {value!r}: it must be {_rule(key, kinds)}.")


_NO: Any = object()


def _exactly(value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        same = (value == choice and type(value) is type(choice) for choice in typing.get_args(kind))
        return value if any(same) else _NO
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


def _rule(key: str, kinds: Sequence[Any]) -> str:
    """What a value may be, in words; code has none, and options are set one by one."""
    options = [field.name for kind in kinds if _is_options(kind) for field in fields(kind)]
    rules = [
        _kind_name(kind)
        for kind in kinds
        if not _is_options(kind) and typing.get_origin(kind) is not Callable
    ]
    if options:
        named = ", ".join(f"{key}.{name}" for name in dict.fromkeys(options))
        rules.append(f"set part by part ({named})")
    return " or ".join(rules)


def _kind_name(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    plain = typing.get_origin(kind) or kind
    words: dict[Any, str] = {
        int: "a whole number",
        float: "a number",
        bool: "true or false",
        str: "text",
    }
    words |= {type(None): "none", tuple: "a list", list: "a list", Sequence: "a list"}
    return words[plain] if plain in words else str(kind)


def dataclass_in(annotation: Any) -> Any:
    """The dataclass an annotation allows, if any."""
    return next((kind for kind in _kinds(annotation) if _is_options(kind)), None)


def _is_options(kind: Any) -> bool:
    return inspect.isclass(kind) and is_dataclass(kind)
