"""The options of every piece of every model: exported, documented, and choices held to."""

import inspect
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

import undertow.baselines
import undertow.inference
import undertow.models
import undertow.training
from tests.families import exported
from undertow.errors import ModelError
from undertow.models import Estimator
from undertow.models.parameters import annotations, option_classes
from undertow.options import Options

MODELS = exported(undertow.models, Estimator) + exported(undertow.baselines, Estimator)
EXPORTED = [
    cls
    for package in (undertow.models, undertow.baselines, undertow.training, undertow.inference)
    for cls in exported(package, Options)
]
PIECES = [
    (model, argument, option_classes(annotation))
    for model in MODELS
    for argument, annotation in annotations(model).items()
    if option_classes(annotation)
]
every = pytest.mark.parametrize("cls", EXPORTED, ids=lambda cls: cls.__name__)
every_piece = pytest.mark.parametrize(
    ("model", "argument", "classes"), PIECES, ids=lambda each: getattr(each, "__name__", str(each))
)


def names_of(cls: type[Options]) -> tuple[str, ...]:
    """What stands for options of this class: its name, or its kinds."""
    return (cls.name,) if cls.name else get_args(get_type_hints(cls).get("kind"))


def test_whatever_a_model_takes_is_exported() -> None:
    assert {cls for _, _, classes in PIECES for cls in classes} == set(EXPORTED)


@every
def test_every_option_is_documented(cls: type[Options]) -> None:
    text = inspect.getdoc(cls) or ""
    assert "Attributes:" in text or not fields(cls)
    for field in fields(cls):
        assert field.name in text.split("Attributes:")[-1], field.name


@every
def test_a_name_stands_for_the_defaults(cls: type[Options]) -> None:
    """As the argument, in any model that takes them."""
    assert cls.argument in {argument for _, argument, classes in PIECES if cls in classes}
    for model, argument, classes in PIECES:
        if cls in classes:
            for name in names_of(cls):
                expected = cls() if cls.name else cls(kind=name)  # type: ignore[call-arg]
                assert model(**{argument: name}).piece(argument) == expected
                assert type(model().set_params(**{argument: name}).piece(argument)) is cls


CHOICES = [
    (cls, field.name)
    for cls in EXPORTED
    for field in fields(cls)
    if get_origin(get_type_hints(cls)[field.name]) is Literal
]


@pytest.mark.parametrize(
    ("cls", "name"), CHOICES, ids=[f"{cls.__name__}.{name}" for cls, name in CHOICES]
)
def test_a_choice_there_is_not_is_refused_when_it_is_made(cls: type[Any], name: str) -> None:
    choices = get_args(get_type_hints(cls)[name])
    assert all(getattr(cls(**{name: choice}), name) == choice for choice in choices)
    for wrong in ("none of them", None, 17):
        with pytest.raises(ModelError) as raised:
            cls(**{name: wrong})
        assert f"{cls.argument}.{name} is {wrong!r}" in str(raised.value)
        assert all(repr(choice) in str(raised.value) for choice in choices)


@every_piece
def test_what_is_no_piece_is_refused_with_what_it_must_be(
    model: type[Estimator], argument: str, classes: list[type[Options]]
) -> None:
    for wrong in (3, {"epochs": 3}, classes[0], object()):
        with pytest.raises(ModelError, match=f"^{argument} is .*{classes[0].__name__}"):
            model(**{argument: wrong}).piece(argument)


@every_piece
def test_a_piece_may_be_left_out_only_where_that_means_something(
    model: type[Estimator], argument: str, classes: list[type[Options]]
) -> None:
    given = model(**{argument: None})
    if type(None) in get_args(annotations(model)[argument]):
        assert given.piece(argument) is None
        return
    with pytest.raises(ModelError, match=f"^{argument} is None: it must be"):
        given.piece(argument)


@every_piece
def test_an_unknown_name_is_refused_with_those_there_are(
    model: type[Estimator], argument: str, classes: list[type[Options]]
) -> None:
    names = [name for cls in classes for name in names_of(cls)]
    expected = "choose one of .*" + ".*".join(sorted(names)) if names else "it must be"
    with pytest.raises(ModelError, match=rf"^{argument} is '\?\?': {expected}"):
        model(**{argument: "??"}).piece(argument)
    with pytest.raises(ModelError, match=rf"^{argument} is '\?\?': {expected}"):
        model().set_params(**{argument: "??"})
