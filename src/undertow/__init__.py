"""undertow: stochastic latent dynamics of neural populations — fit, compare, understand.

Names and subpackages are loaded when first used, so that `import undertow` stays quick. The list
of them is in one place, `__init__.pyi`, where editors and type checkers read it too.
"""

from typing import Any

import lazy_loader

_load, _, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]


def __getattr__(name: str) -> Any:
    """A public name, imported from its package on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("undertow")
    return _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
