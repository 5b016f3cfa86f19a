"""Settings as text, made values of the type that an annotation asks for.

The text is `key=value` pairs or TOML tables.
"""

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from undertow import schema
from undertow.errors import ModelError, UndertowError
from undertow.names import printable

NONE_WORDS = ("none", "null")
MOST_NESTED = 6
"""Levels of tables and lists in a config file, more than any setting has."""


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
                f"the setting '{printable(pair)}' is not KEY=VALUE: write, for example, "
                "latent_dim=32."
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
    except (ValueError, RecursionError):  # no JSON, thousands of digits, endless nesting
        return text


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file as settings by key.

    The table `[set]` holds model settings, its sub-tables dotted ones.

    Raises:
        UndertowError: when the file cannot be read, is not TOML, or is nested too deep.
    """
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))  # with or without a BOM
    except (OSError, ValueError, RecursionError) as error:
        raise UndertowError(f"the config file {path} {_why_not_toml(error)}") from None
    if schema.deeper_than(table, MOST_NESTED):
        raise UndertowError(
            f"the config file {path} nests tables deeper than any setting: write [set] for "
            "settings of the model and [set.training] for those of one of its parts."
        )
    return table


def _why_not_toml(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}."
    if isinstance(error, UnicodeDecodeError):
        return "is not UTF-8 text: save it as UTF-8."
    if isinstance(error, RecursionError):
        return "is nested too deep: tables and lists of a setting are one or two levels deep."
    return f"is not valid TOML: {printable(str(error), 200)}."


def fit_value(key: str, value: Any, annotation: Any) -> Any:
    """`value` as one of the types that `annotation` allows; text as a list where one is asked for.

    Raises:
        ModelError: naming the key, the value and what it may be.
    """
    try:
        return schema.fit_value(key, value, annotation)
    except ModelError:
        if not isinstance(value, str) or not schema.takes_list(annotation):
            raise
    items = [parse_value(part.strip()) for part in value.split(",")]
    return schema.fit_value(key, items, annotation)


def dataclass_in(annotation: Any) -> Any:
    """The dataclass an annotation allows, if any."""
    return next((kind for kind in schema.kinds(annotation) if schema.is_record(kind)), None)
