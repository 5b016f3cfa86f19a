"""Where the natural frequencies of oscillators start, before anything is learned."""

import math

import numpy as np
import torch
from torch import Tensor

from undertow.checks import seed as check_seed
from undertow.dynamics.base import TRIAL_UNITS
from undertow.errors import ModelError


def starting_frequencies(
    band: tuple[float, float], n: int, order: int | None = None, log: bool = True
) -> Tensor:
    """Angular frequencies ω per unit of internal time, (n,), spread over a band.

    Args:
        band: slowest and fastest, in cycles per 2.5 units of internal time (a trial, where the
            timescale is a trial / 2.5).
        n: of oscillators.
        order: the seed that shuffles which oscillator starts where; None puts the slowest first.
        log: whether they are spaced evenly on a log scale, or on a linear one.

    Raises:
        ModelError: for a band that is not two positive numbers, the slower first.
    """
    if len(band) != 2 or not 0 < band[0] <= band[1] < float("inf"):
        raise ModelError(
            f"start_cycles is {band}: it must be two positive numbers, the slower first, such as "
            "(0.05, 3)."
        )
    low, high = (math.log(edge) for edge in band)
    cycles = torch.linspace(low, high, n).exp() if log else torch.linspace(*band, n)
    if order is not None:
        seed = check_seed("start_order", order)
        cycles = cycles[torch.as_tensor(np.random.default_rng(seed).permutation(n))]
    return 2 * torch.pi / TRIAL_UNITS * cycles
