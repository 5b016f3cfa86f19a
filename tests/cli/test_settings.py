"""Settings as text: parsing, types, nested keys, the nearest valid name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from undertow.cli.settings import parse_pairs, parse_value, read_toml
from undertow.errors import ModelError, UndertowError
from undertow.files import flatten


@dataclass(frozen=True)
class Loop:
    epochs: int = 7
    patience: int | None = None


class Thing:
    """Takes every kind of setting there is."""

    cli_name = "thing"

    def __init__(
        self,
        size: int = 4,
        rate: float = 0.5,
        wide: bool = False,
        start: str | float = "all",
        kind: Literal["soft", "hard"] = "soft",
        inputs: tuple[str, ...] = ("z",),
        loop: Loop = Loop(epochs=9),
    ) -> None:
        self.given = {
            "size": size,
            "rate": rate,
            "wide": wide,
            "start": start,
            "kind": kind,
            "inputs": inputs,
        }
        self.loop = loop


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("true", True),
        ("False", False),
        ("none", None),
        ("[1, 2]", [1, 2]),
        ("cpu", "cpu"),
        ("z,v", "z,v"),
        ("", ""),
    ],
)
def test_parse_value(text: str, value: Any) -> None:
    parsed = parse_value(text)
    assert parsed == value
    assert type(parsed) is type(value)


@pytest.mark.parametrize(
    ("pair", "name", "value"),
    [
        ("size=8", "size", 8),
        ("size=8.0", "size", 8),
        ("rate=2", "rate", 2.0),
        ("wide=true", "wide", True),
        ("start=first", "start", "first"),
        ("start=0.2", "start", 0.2),
        ("kind=hard", "kind", "hard"),
        ("inputs=z,v", "inputs", ("z", "v")),
        ("inputs=h", "inputs", ("h",)),
        ("inputs=[]", "inputs", ()),
    ],
)
def test_values_take_the_type_of_their_parameter(pair: str, name: str, value: Any) -> None:
    given = construct(Thing, parse_pairs([pair])).given[name]
    assert given == value
    assert type(given) is type(value)


@pytest.mark.parametrize(
    "pair", ["size=1.5", "size=big", "wide=1", "kind=medium", "rate=none", "loop=3"]
)
def test_a_value_of_the_wrong_type_names_the_key_and_the_rule(pair: str) -> None:
    key = pair.partition("=")[0]
    with pytest.raises(ModelError, match=rf"^{key} is .*: it must be "):
        construct(Thing, parse_pairs([pair]))


def test_a_dotted_key_changes_one_field_and_keeps_the_default_object() -> None:
    assert construct(Thing, parse_pairs(["loop.patience=3"])).loop == Loop(epochs=9, patience=3)


@pytest.mark.parametrize(
    ("key", "near"),
    [("siz", "'size'"), ("loop.epoch", "'loop.epochs'"), ("epochs", "'loop.epochs'")],
)
def test_an_unknown_key_fails_with_the_nearest(key: str, near: str) -> None:
    with pytest.raises(ModelError, match=rf"thing has no setting '{key}': did you mean {near}\?"):
        construct(Thing, {key: 1})


def test_where_none_is_near_all_are_listed() -> None:
    with pytest.raises(
        ModelError, match=r"choose one of inputs, kind, loop\.epochs, loop\.patience"
    ):
        construct(Thing, {"qqqq": 1})


def test_option_names_are_dotted() -> None:
    assert option_names(Thing)[-2:] == ["loop.epochs", "loop.patience"]


def test_a_pair_without_equals_is_refused() -> None:
    with pytest.raises(ModelError, match="'size' is not KEY=VALUE"):
        parse_pairs(["size"])


def test_toml(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("bin-ms = 20\n[set]\nsize = 3\n[set.loop]\nepochs = 5\n")
    table = read_toml(path)
    assert table["bin-ms"] == 20
    assert flatten(table["set"]) == {"size": 3, "loop.epochs": 5}


def test_broken_or_missing_toml_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(UndertowError, match="cannot be read"):
        read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 1")
    with pytest.raises(UndertowError, match="not valid TOML"):
        read_toml(tmp_path / "bad.toml")
