"""The members of a family, as its package exports them: a new one is tested the moment it is
exported."""

import inspect
from types import ModuleType


def exported(package: ModuleType, base: type) -> list[type]:
    """The concrete subclasses of `base` among `package.__all__`."""
    members = (getattr(package, name) for name in package.__all__)
    return [
        m
        for m in members
        if inspect.isclass(m) and issubclass(m, base) and not inspect.isabstract(m)
    ]
