"""How the external input enters dynamics with an input current: through a learned linear map."""

import torch
from torch import Tensor, nn

START = 0.3


class InputMap(nn.Module):
    """B u with a learned B; zero without inputs, and where none is given.

    Args:
        input_dim: external inputs, zero or more.
        dim: width of what they drive.
    """

    def __init__(self, input_dim: int, dim: int) -> None:
        super().__init__()
        self.weight = (
            nn.Parameter(START * torch.randn(dim, input_dim) / input_dim**0.5)
            if input_dim
            else None
        )

    def forward(self, u: Tensor | None) -> Tensor | float:
        """B u, (…, dim), of u (…, input_dim)."""
        return 0.0 if self.weight is None or u is None else u @ self.weight.t()
