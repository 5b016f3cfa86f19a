"""Values from text and files, made to fit the types that annotations ask for.

A settings file, a model file's header and `key=value` pairs hold what JSON has: this is where it
becomes what a constructor takes, or is refused in one sentence.
"""

import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from inspect import isclass
from typing import Any, ClassVar, TypeVar

from undertow.errors import ModelError, UndertowError
from undertow.names import OF_PATHS, listed, nearest, printable, shown

Record = TypeVar("Record")
Error = type[UndertowError]
_NO: Any = object()
WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "none",
    tuple: "a list",
    list: "a list",
    Sequence: "a list",
    Collection: "a list",
    dict: "a table",
    Mapping: "a table",
}
LISTS = (tuple, list, Sequence, Collection)


def fit_value(name: str, value: Any, annotation: Any, error: Error = ModelError) -> Any:
    """`value` as one of the types that `annotation` allows.

    Exact types go first, then whole numbers as floats and lists as tuples.

    Raises:
        error: naming the value, and what it may be.
    """
    allowed = kinds(annotation)
    for convert in (_exactly, _loosely):
        for kind in allowed:
            fitted = convert(value, kind)
            if fitted is not _NO:
                return fitted
    raise error(f"{printable(name)} is {shown(value)}: it must be {_rule(name, allowed)}.")


def record(
    cls: type[Record], table: Any, of: str, error: Error = ModelError, extra: bool = False
) -> Record:
    """A dataclass from a table of a file, its fields checked against their annotations.

    Args:
        cls: the dataclass.
        table: what the file holds.
        of: what holds it, the start of a message.
        error: what is raised.
        extra: leave out keys that the dataclass lacks, instead of refusing them.

    Raises:
        error: for anything but a table, an unknown key (with the nearest), a missing one, or a
            value of another type.
    """
    if not isinstance(table, Mapping):
        raise error(f"{of} is {shown(table)}: it must be a table of names and values.")
    known = field_types(cls)
    given = {key: value for key, value in table.items() if key in known or not extra}
    for key in given:
        if key not in known:
            raise error(f"{of} has an unknown entry {printable(str(key))!r}: {nearest(key, known)}")
    needed = [
        each.name
        for each in fields(cls)  # type: ignore[arg-type]
        if each.default is MISSING and each.default_factory is MISSING
    ]
    if missing := [name for name in needed if name not in given]:
        raise error(f"{of} lacks {listed(missing)}.")
    return cls(**{k: fit_value(f"{k} of {of}", v, known[k], error) for k, v in given.items()})


def field_types(cls: type) -> dict[str, Any]:
    """Field → annotation, of a dataclass."""
    return _field_types(cls)


@cache
def _field_types(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {k: v for k, v in hints.items() if typing.get_origin(v) is not ClassVar}


def deeper_than(value: Any, levels: int) -> bool:
    """Whether tables and lists are nested in more levels than this."""
    if not isinstance(value, dict | list):
        return False
    held = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(deeper_than(each, levels - 1) for each in held)


def kinds(annotation: Any) -> list[Any]:
    """The types that an annotation allows."""
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    return list(typing.get_args(annotation)) if is_union else [annotation]


def takes_list(annotation: Any) -> bool:
    """Whether a list is among the types that an annotation allows."""
    return any((typing.get_origin(kind) or kind) in LISTS for kind in kinds(annotation))


def _exactly(value: Any, kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Literal:
        same = (value == choice and type(value) is type(choice) for choice in typing.get_args(kind))
        return value if any(same) else _NO
    if kind is Any or (value is None and kind is type(None)):
        return value
    plain = typing.get_origin(kind) or kind
    if plain in (dict, Mapping):
        return _table(value, typing.get_args(kind) or (Any, Any))
    if plain in (list, tuple) and type(value) is plain:
        return _items(value, kind, plain)
    return value if isinstance(plain, type) and type(value) is plain else _NO


def _loosely(value: Any, kind: Any) -> Any:
    plain = typing.get_origin(kind) or kind
    if plain is float and type(value) is int:
        return float(value) if abs(value) < 2**1023 else _NO
    if plain is int and type(value) is float and value.is_integer():
        return int(value)
    if plain is str and type(value) in (int, float):
        return shown(value)
    if plain in LISTS and isinstance(value, list | tuple):
        return _items(value, kind, list if plain is list else tuple)
    return _NO


def _table(value: Any, inner: tuple[Any, ...]) -> Any:
    if not isinstance(value, Mapping):
        return _NO
    try:
        return {
            fit_value("key", k, inner[0]): fit_value("item", v, inner[1]) for k, v in value.items()
        }
    except ModelError:
        return _NO


def _items(items: Sequence[Any], kind: Any, plain: type) -> Any:
    inner = typing.get_args(kind)
    # tuple[float, float] holds two; all others hold any number of one type
    fixed = plain is tuple and typing.get_origin(kind) is tuple and inner[-1] is not Ellipsis
    wanted = list(inner) if fixed else [inner[0] if inner else Any] * len(items)
    if len(wanted) != len(items):
        return _NO
    try:
        return plain(fit_value("item", item, k) for item, k in zip(items, wanted, strict=True))
    except ModelError:
        return _NO


def _rule(name: str, allowed: Sequence[Any]) -> str:
    """What a value may be, in words; code has none, and options are set one by one."""
    options = [field.name for kind in allowed if is_record(kind) for field in fields(kind)]
    rules = [
        _kind_name(kind)
        for kind in allowed
        if not is_record(kind) and typing.get_origin(kind) is not Callable
    ]
    if options:
        parts = [f"{name}.{option}" for option in dict.fromkeys(options)]
        rules.append(f"set part by part ({listed(parts, characters=OF_PATHS)})")
    return " or ".join(rules)


def _kind_name(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return "one of " + ", ".join(map(repr, typing.get_args(kind)))
    plain = typing.get_origin(kind) or kind
    if plain not in WORDS:
        return str(getattr(kind, "__name__", kind))
    inner = [each for each in typing.get_args(kind) if each is not Ellipsis]
    of = f" of {listed(dict.fromkeys(_kind_name(each) for each in inner))}" if inner else ""
    return WORDS[plain] + (of if plain in LISTS else "")


def is_record(kind: Any) -> bool:
    """Whether this is a dataclass."""
    return isclass(kind) and is_dataclass(kind)
