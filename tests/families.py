"""The members of a family, as its package exports them: a new one is tested the moment it is
exported."""

import inspect
from collections.abc import Iterable
from types import ModuleType


def exported(package: ModuleType, base: type) -> list[type]:
    """The concrete subclasses of `base` among `package.__all__`."""
    members = (getattr(package, name) for name in package.__all__)
    return [
        m
        for m in members
        if inspect.isclass(m) and issubclass(m, base) and not inspect.isabstract(m)
    ]


def overrides(cls: type, base: type, method: str) -> bool:
    """Whether `cls` has a `method` of its own, or of a parent's, in place of that of `base`."""
    return inspect.getattr_static(cls, method) is not inspect.getattr_static(base, method)


def overriding(classes: Iterable[type], base: type, method: str) -> list[type]:
    """Those of `classes` that replace the `method` of `base`.

    A contract that compares a method with that of the base class runs on these: elsewhere it would
    compare the method with itself.
    """
    return [cls for cls in classes if overrides(cls, base, method)]


def one_per_implementation(classes: Iterable[type], method: str) -> list[type]:
    """The first of `classes` for each different body of `method`: the others inherit it."""
    first: dict[int, type] = {}
    for cls in classes:
        first.setdefault(id(inspect.getattr_static(cls, method)), cls)
    return list(first.values())
