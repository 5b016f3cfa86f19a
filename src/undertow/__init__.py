"""undertow: stochastic latent dynamics of neural populations — fit, compare, understand.

The names below are loaded when first used, so that `import undertow` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from undertow.baselines import Smoothing
    from undertow.data import Prediction, Recording, TrialSet, load
    from undertow.experiments import load_model
    from undertow.models import Estimator, LangevinFlow, LatentSDE
    from undertow.systems import simulate_lorenz, simulate_oscillators, simulate_rate_network

    __version__: str

__all__ = [
    "Estimator",
    "LangevinFlow",
    "LatentSDE",
    "Prediction",
    "Recording",
    "Smoothing",
    "TrialSet",
    "__version__",
    "load",
    "load_model",
    "simulate_lorenz",
    "simulate_oscillators",
    "simulate_rate_network",
]

_HOMES = {
    "Estimator": "undertow.models",
    "LangevinFlow": "undertow.models",
    "LatentSDE": "undertow.models",
    "Prediction": "undertow.data",
    "Recording": "undertow.data",
    "Smoothing": "undertow.baselines",
    "TrialSet": "undertow.data",
    "load": "undertow.data",
    "load_model": "undertow.experiments",
    "simulate_lorenz": "undertow.systems",
    "simulate_oscillators": "undertow.systems",
    "simulate_rate_network": "undertow.systems",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its package on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("undertow")
    if name not in _HOMES:
        raise AttributeError(f"module 'undertow' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
