"""Settings as text: parsing, and values of the type that an annotation asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from undertow.cli.configuring import construct
from undertow.cli.settings import fit_value, parse_pairs, parse_value, read_toml
from undertow.errors import ModelError, UndertowError
from undertow.files import flatten


@dataclass(frozen=True)
class Loop:
    epochs: int = 7
    patience: int | None = None


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
    ("text", "annotation", "value"),
    [
        ("8", int, 8),
        ("8.0", int, 8),
        ("2", float, 2.0),
        ("true", bool, True),
        ("first", str | float, "first"),
        ("0.2", str | float, 0.2),
        ("bin", float | Literal["bin"], "bin"),
        ("2", float | Literal["bin"], 2.0),
        ("2", Literal[1, 2], 2),
        ("hard", Literal["soft", "hard"], "hard"),
        ("hard", Loop | Literal["soft", "hard"], "hard"),
        ("soft", Literal["soft"] | Callable[[int], float], "soft"),
        ("none", int | None, None),
        ("z,v", tuple[str, ...], ("z", "v")),
        ("h", tuple[Literal["z", "h"], ...], ("h",)),
        ("[]", tuple[str, ...], ()),
        ("[1, 2]", list[float], [1.0, 2.0]),
        ('{"M1": 4}', Mapping[str, int] | None, {"M1": 4}),
        ("anything", Any, "anything"),
    ],
)
def test_values_take_the_type_of_their_annotation(text: str, annotation: Any, value: Any) -> None:
    fitted = fit_value("key", parse_value(text), annotation)
    assert fitted == value
    assert type(fitted) is type(value)


@pytest.mark.parametrize(
    ("text", "annotation", "rule"),
    [
        ("1.5", int, "a whole number"),
        ("big", int | None, "a whole number or none"),
        ("1", bool, "true or false"),
        ("none", float, "a number"),
        ("true", Literal[1, 2], "one of 1, 2"),
        ("medium", Literal["soft", "hard"], "one of 'soft', 'hard'"),
        ("medium", Literal["soft"] | Callable[[int], float], r"one of 'soft'\.$"),
        ("3", Loop, r"set part by part \(key.epochs, key.patience\)"),
        ("1,x", tuple[int, ...], "a list"),
    ],
)
def test_a_value_of_the_wrong_type_names_the_key_and_the_rule(
    text: str, annotation: Any, rule: str
) -> None:
    with pytest.raises(ModelError, match=rf"^key is .*: it must be {rule}"):
        fit_value("key", parse_value(text), annotation)


def test_functions_and_dataclasses_are_called_with_settings_by_name() -> None:
    def made(size: int = 4, rate: float = 0.5, kind: Any = None) -> tuple[Any, ...]:
        return size, rate, kind

    assert construct(made, {"size": 8.0, "rate": 1}) == (8, 1.0, None)
    assert construct(Loop, {"patience": 3}) == Loop(patience=3)


@pytest.mark.parametrize(
    ("key", "near"), [("epoch", "did you mean 'epochs'"), ("q", "choose one of epochs, patience")]
)
def test_an_unknown_name_fails_with_the_nearest_or_with_all(key: str, near: str) -> None:
    with pytest.raises(ModelError, match=f"Loop has no setting '{key}': {near}"):
        construct(Loop, {key: 1})


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


def said(call: Callable[[], Any]) -> str:
    """The sentence that a call is refused with; empty where it is not."""
    try:
        call()
    except UndertowError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "text",
    [
        "9" * 5000,
        "[" * 3000,
        "nan",
        "Infinity",
        "-1e999",
        '{"a": 1}',
        "é\x00\x1b[31m",
        "1979-05-27",
    ],
)
@pytest.mark.parametrize("annotation", [int, float, bool, tuple[str, ...], Literal["a"], Loop])
def test_any_text_gives_a_value_or_one_sentence(text: str, annotation: Any) -> None:
    message = said(lambda: fit_value("key", parse_value(text), annotation))
    assert message.isprintable()
    assert len(message) < 300


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = " + b"[" * 5000, "is nested too deep"),
        (b"[" + b".".join([b"a"] * 1500) + b"]\n", "nest"),
        (b"a = " + b"9" * 5000, "is not valid TOML"),
        (b"a = 1\na = 2\n", "is not valid TOML: Cannot overwrite"),
        (b"a = \xff", "is not UTF-8 text"),
        ("a = 1".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_toml_that_cannot_be_read_is_refused_in_a_line(
    content: bytes, message: str, tmp_path: Path
) -> None:
    (tmp_path / "c.toml").write_bytes(content)
    with pytest.raises(UndertowError, match=message) as refused:
        read_toml(tmp_path / "c.toml")
    assert str(refused.value).isprintable()


def test_toml_with_a_mark_of_its_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xef\xbb\xbfa = 1\n")
    assert read_toml(tmp_path / "c.toml") == {"a": 1}
