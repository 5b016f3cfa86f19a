"""Growth of the paths of a linear step, and the refusal of steps that grow without bound."""

import math

import torch
from torch import Tensor

from undertow.errors import StabilityError

GROWTH, HORIZON_BINS = 1000.0, 10_000


def eigenvalues(matrix: Tensor, of: str) -> Tensor:
    """Eigenvalues of a matrix in double precision, (…, n).

    Raises:
        StabilityError: for entries that are not finite, on which LAPACK can crash.
    """
    exact = matrix.detach().double().cpu()
    if not torch.isfinite(exact).all():
        raise StabilityError(f"{of} is not finite: training has run away, lower its learning_rate.")
    found: Tensor = torch.linalg.eigvals(exact)
    return found


def bins_to_grow(radius: float) -> float:
    """Number of bins in which a state that grows by `radius` a bin grows a thousandfold.

    It is infinite where the state does not grow.
    """
    return math.log(GROWTH) / math.log(radius) if radius > 1 else math.inf


def refuse_growth(radius: float | None, step: str, remedies: str) -> None:
    """Refuse a spectral radius per bin by which paths grow a thousandfold within 10,000 bins.

    A radius of None is unknown, and is not refused.

    Raises:
        StabilityError: naming the radius and the bins it takes.
    """
    if radius is None or not (bins := bins_to_grow(radius)) <= HORIZON_BINS:
        return
    raise StabilityError(
        f"the {step} unstable: its spectral radius is {radius:.4g} per bin, so that paths grow "
        f"{GROWTH:g}-fold in {bins:.0f} bins; use {remedies}, or pass allow_unstable=True."
    )
