"""`Options`: choices are checked against their types, by their dotted name."""

from dataclasses import FrozenInstanceError, dataclass, replace
from typing import Any, ClassVar, Literal

import pytest

from undertow import checks
from undertow.errors import ModelError
from undertow.options import Options


@dataclass(frozen=True)
class Lens(Options):
    argument: ClassVar[str] = "lens"
    kind: Literal["thick", "thin"] = "thin"
    power: Literal[1, 2] | float = 1
    width: float = 1.0

    def check(self) -> None:
        checks.number(self.of("width"), self.width, 0, above=True)


def test_a_choice_is_refused_with_those_there_are() -> None:
    wrong: Any = "flat"
    with pytest.raises(ModelError, match=r"^lens\.kind is 'flat': .* 'thick', 'thin'"):
        Lens(kind=wrong)
    with pytest.raises(ModelError, match=r"^lens\.kind is 'flat'"):
        replace(Lens(), kind=wrong)


def test_a_rule_of_its_own_is_checked_whenever_one_is_made() -> None:
    with pytest.raises(ModelError, match=r"^lens\.width is 0: it must be a number, above 0"):
        replace(Lens(width=2), width=0)


def test_a_type_that_is_not_choices_alone_is_left_to_the_class() -> None:
    assert Lens(power=0.5).power == 0.5


def test_options_are_values() -> None:
    assert Lens(width=2) == replace(Lens(), width=2)
    assert len({Lens(), Lens(), Lens(width=2)}) == 2
    with pytest.raises(FrozenInstanceError):
        Lens().width = 3  # type: ignore[misc]
