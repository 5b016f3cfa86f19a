"""Bounds on what dynamics are made with: what lies beyond is a slip, and no fit of it would end."""

from math import isfinite
from typing import Any

from undertow.checks import number, whole
from undertow.errors import ModelError, StabilityError
from undertow.names import shown

WIDEST = 4096
"""Most coordinates of a state: its matrices are as wide, and checks take their eigenvalues."""
MOST_UNITS = 65_536
"""Most units of a hidden layer."""
CONSTANTS = (1e-18, 1e18)
"""Of masses, frictions, temperatures and curvatures: float32 holds their products."""
TIMESCALES_S = (1e-6, 1e6)
MOST_STEPS = 10_000
"""Most steps of the dynamics in a bin."""


def width(name: str, value: Any, least: int = 1) -> int:
    """A number of coordinates, inputs or units coupled with each other, at most 4,096."""
    return whole(name, value, least, WIDEST)


def constant(name: str, value: Any, zero: bool = False) -> float:
    """A physical constant from 1e-18 to 1e18 in internal units; with `zero`, 0 as well.

    Raises:
        ModelError: for anything else.
    """
    return 0.0 if zero and _is_zero(value) else _positive(name, value, CONSTANTS, "")


def timescale(value: Any) -> float:
    """A timescale from 1e-6 to 1e6 seconds.

    Raises:
        ModelError: for anything else.
    """
    return _positive("timescale_s", value, TIMESCALES_S, ", in seconds")


def check_steps(steps: float, bin_s: float, timescale_s: float) -> int:
    """A number of steps per bin, as an int.

    Raises:
        StabilityError: for one that is not finite, or above 10,000.
    """
    if not isfinite(steps) or steps > MOST_STEPS:
        raise StabilityError(
            f"a bin of {bin_s:g} s takes {steps:.4g} steps at a timescale_s of {timescale_s:.4g}, "
            f"and must take {MOST_STEPS:,} at most: use a longer timescale_s."
        )
    return int(steps)


def _is_zero(value: Any) -> bool:
    return not isinstance(value, bool | str) and bool(value == 0)


def _positive(name: str, value: Any, bounds: tuple[float, float], unit: str) -> float:
    try:
        return number(name, value, *bounds)
    except ModelError:
        low, high = bounds
        raise ModelError(
            f"{name} is {shown(value)}: it must be above zero{unit} ({low:g} to {high:g})."
        ) from None
