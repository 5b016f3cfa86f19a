"""Natural frequencies of oscillators: where they start, and the scale they are learned on."""

import math
from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.checks import number
from undertow.checks import seed as check_seed
from undertow.dynamics.base import TRIAL_UNITS
from undertow.errors import ModelError


class LogFrequencies(nn.Module):
    """Dynamics whose natural frequencies ω are learned as log ω.

    A step of an optimiser then changes them by a factor, so that a slow start is no further from a
    fast rhythm than the reverse. They are above zero.

    Attributes:
        log_omega: log ω per unit of internal time of the oscillators that turn.
        n_still: of the units, the last so many do not turn: their ω is zero and stays so.
        either_sense: ω and −ω are the same dynamics.
    """

    log_omega: nn.Parameter
    n_still: int = 0
    either_sense: bool = True

    @property
    def omega(self) -> Tensor:
        """Natural frequencies ω in radians per unit of internal time, (oscillators,).

        Assigning changes those that turn; an entry that is not above zero then is not finite.
        """
        turning = self.log_omega.exp()
        return F.pad(turning, (0, self.n_still)) if self.n_still else turning

    @omega.setter
    def omega(self, value: Tensor) -> None:
        with torch.no_grad():
            given = torch.as_tensor(value)
            self.log_omega.copy_((given[: len(self.log_omega)] if given.ndim else given).log())

    def converted(
        self, weights: Mapping[str, Tensor], prefix: str, source: object
    ) -> dict[str, Tensor]:
        """Turn weights that hold ω itself, as earlier versions saved it, into those of today.

        Raises:
            ModelError: for an ω that has no logarithm, naming the `source` of the weights.
        """
        if f"{prefix}omega" not in weights or f"{prefix}log_omega" in weights:
            return dict(weights)
        omega = weights[f"{prefix}omega"]
        omega = omega.abs() if self.either_sense else omega
        if not (omega > 0).all():
            raise ModelError(
                f"{source} holds oscillators that stand still or turn backwards, as an earlier "
                "version could fit them: fit the model again."
            )
        kept = {name: value for name, value in weights.items() if name != f"{prefix}omega"}
        return kept | {f"{prefix}log_omega": omega.log()}


def still_units(wanted: float, n: int) -> int:
    """Number of units that do not turn: a whole number of them, or below 1 a share of all `n`.

    Raises:
        ModelError: for a number that is neither, more than there are, or a share that makes none.
    """
    number("still", wanted, 0)
    count = round(wanted * n) if wanted < 1 else int(wanted)
    if count > n or (wanted >= 1 and wanted % 1) or (wanted > 0 and count == 0):
        raise ModelError(
            f"still is {wanted:g}: of {n} units give a whole number, or below 1 a share that makes "
            "one at least."
        )
    return count


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
