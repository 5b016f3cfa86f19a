"""`RecurrentDynamics`: recurrent networks as dynamics, without noise.

Their weights are those of a torch cell; any leading dimensions are allowed.
"""

from abc import abstractmethod
from typing import TypeVar

from torch import Tensor, nn

from undertow.dynamics.discrete import DiscreteDynamics

Cell = TypeVar("Cell", bound=nn.RNNCellBase)
REMEMBERING = 3.0
"""Where gates start that keep the state: about 20 bins. From 0, torch's start, a path forgets in
two or three bins how it began, which is all that sets it."""


class RecurrentDynamics(DiscreteDynamics):
    """Recurrent network x' = cell(u, x), whose path is set by its start and its input.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        timescale_s: see `DiscreteDynamics`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(self, state_dim: int, input_dim: int, timescale_s: float | None) -> None:
        super().__init__(state_dim, input_dim, 0, timescale_s)

    @abstractmethod
    def advance(self, u: Tensor, x: Tensor) -> Tensor:
        """Compute the next states from inputs (rows, input_dim) and states (rows, state_dim)."""

    def next_mean(self, x: Tensor, u: Tensor | None = None) -> Tensor:
        rows = x.reshape(-1, self.state_dim)
        if u is None:
            given = rows.new_zeros(len(rows), 0)
        else:
            given = u.expand(*x.shape[:-1], self.input_dim).reshape(-1, self.input_dim)
        return self.advance(given, rows).view(x.shape)

    def next_std(self, x: Tensor) -> Tensor:
        return x.new_zeros(0)

    def check_stable(self, bin_s: float) -> None:
        """Refuse nothing: gates and tanh let no state grow by more than one a bin."""


def without_empty_weights(cell: Cell) -> Cell:
    """Return `cell` with its input weights frozen where it has no inputs.

    There is then nothing to learn in them.
    """
    cell.weight_ih.requires_grad_(cell.weight_ih.numel() > 0)
    return cell
