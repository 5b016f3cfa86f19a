"""`Options`: what one piece of a model is made with, as a frozen dataclass."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args, get_origin

from undertow import checks
from undertow.errors import ModelError
from undertow.names import shown
from undertow.schema import LISTS, field_types, kinds


@dataclass(frozen=True)
class Options:
    """Options of one piece of a model, each checked against its type and then its bounds.

    Attributes:
        argument: the constructor argument it is given as, which messages name ('encoder').
        name: what stands for the piece with its defaults ('gru'); None where its `kind` says so.
        alternatives: groups of options of which one is given; setting it unsets the others, to None
            or False.
    """

    argument: ClassVar[str]
    name: ClassVar[str | None] = None
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = ()

    def __post_init__(self) -> None:
        for field, annotation in field_types(type(self)).items():
            _check_kind(self.of(field), getattr(self, field), kinds(annotation))
        self.check()

    def check(self) -> None:
        """Refuse values that break a rule; choices and kinds of values are checked already."""

    @classmethod
    def of(cls, field: str) -> str:
        """The dotted name of a field, as messages and settings have it: 'encoder.hidden_dim'."""
        return f"{cls.argument}.{field}"


def _check_kind(name: str, value: Any, allowed: Sequence[Any]) -> None:
    """Refuse what is none of the kinds allowed: choices, switches, lists of names, numbers."""
    choices = [get_args(kind) for kind in allowed if get_origin(kind) is Literal]
    if any(_is_of(value, kind) for kind in allowed):
        return
    if choices and (len(allowed) == 1 or isinstance(value, str)):
        # beside numbers or code, a word is left to the class, which says what else there is
        if len(allowed) == 1:
            checks.one_of(name, value, choices[0])
        return
    if float in allowed:
        checks.number(name, value)
    if int in allowed:
        checks.whole(name, value, 0)
    if bool in allowed:
        raise ModelError(f"{name} is {shown(value)}: it must be True or False.")
    if any((get_origin(kind) or kind) in LISTS for kind in allowed):
        raise ModelError(f"{name} is {shown(value)}: it must be a tuple of names.")


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind whose check needs no bounds; numbers are left to `checks`."""
    if kind is type(None):
        return value is None
    if get_origin(kind) is Literal:
        choices = get_args(kind)
        return any(type(value) is type(each) and value == each for each in choices)
    if (get_origin(kind) or kind) in LISTS:
        return isinstance(value, list | tuple)
    if kind is bool:
        return type(value).__name__ in (
            "bool",
            "bool_",
        )
    return kind not in (int, float) and not isinstance(value, str | int | float)
