"""`Options`: what one piece of a model is made with, as a frozen dataclass."""

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args, get_origin, get_type_hints

from undertow.checks import one_of


@dataclass(frozen=True)
class Options:
    """Options of one piece of a model; a choice is checked against its `Literal` type.

    Attributes:
        argument: the constructor argument it is given as, which messages name ('encoder').
        name: what stands for the piece with its defaults ('gru'); None where its `kind` says so.
    """

    argument: ClassVar[str]
    name: ClassVar[str | None] = None

    def __post_init__(self) -> None:
        for field, annotation in get_type_hints(type(self)).items():
            if get_origin(annotation) is Literal:
                one_of(self.of(field), getattr(self, field), get_args(annotation))
        self.check()

    def check(self) -> None:
        """Refuse values that break a rule; choices are checked already."""

    @classmethod
    def of(cls, field: str) -> str:
        """The dotted name of a field, as messages and settings have it: 'encoder.hidden_dim'."""
        return f"{cls.argument}.{field}"
