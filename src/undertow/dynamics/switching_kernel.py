"""The smoothly switching linear kernel of Gaussian-process drifts."""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from undertow.checks import number, one_of, whole
from undertow.dynamics.limits import MOST_UNITS, width
from undertow.errors import ModelError
from undertow.memory import check_memory

Gate = Literal["linear", "quadratic"]
START_SCALE, START_BIAS = 2.0, 1.0


class SwitchingLinearKernel(nn.Module):
    """Kernel of functions that are linear in each of several regimes and blend between them.

    k(x, x') = Σ_j π_j(x) ((x − c_j)ᵀ M (x' − c_j) + σ₀²) π_j(x'), with π the softmax of Wφ(x) / T
    and M diagonal (Hu et al. 2024, "Modeling latent neural dynamics with Gaussian process switching
    linear dynamical systems").

    The kernel has the finite rank J (D + 1): it is ψ(x)ᵀψ(x') of the features
    ψ_j(x) = π_j(x) [M^{1/2} (x − c_j), σ₀], see `features`.

    Args:
        state_dim: width of the state, D.
        regimes: number of regimes, J.
        gate: what the regimes are read from: φ(x) = [1, x] ('linear') or [1, x, x²] ('quadratic').
        temperature: T, above zero: the smaller, the sharper the borders between regimes.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self, state_dim: int, regimes: int, gate: Gate = "linear", temperature: float = 0.5
    ) -> None:
        super().__init__()
        self.state_dim, self.regimes = width("state_dim", state_dim), width("regimes", regimes)
        self.gate_kind: Gate = one_of("gate", gate, get_args(Gate))
        self.temperature = number("temperature", temperature, 0, 1e6, above=True)
        whole("regimes × (state_dim + 1)", self.rank, 1, MOST_UNITS)
        check_memory(16 * self.rank**2, f"a kernel of rank {self.rank}", "use less.", ModelError)
        self.centres = nn.Parameter(torch.randn(regimes, state_dim))
        self.log_scale = nn.Parameter(torch.full((state_dim,), START_SCALE).log())
        self.log_bias = nn.Parameter(torch.tensor(START_BIAS).log())
        inputs = 1 + state_dim * (1 + (gate == "quadratic"))
        self.gate = nn.Parameter(torch.zeros(regimes - 1, inputs)) if regimes > 1 else None
        self.place(self.centres.detach())

    @property
    def rank(self) -> int:
        """Rank of the kernel, J (D + 1)."""
        return self.regimes * (self.state_dim + 1)

    @torch.no_grad()
    def place(self, centres: Tensor) -> None:
        """Move the regimes to these centres (regimes, state_dim), each the nearest one's place.

        With W φ(x) = c_jᵀx − |c_j|² / 2 the likeliest regime is that of the nearest centre.
        """
        self.centres.copy_(centres)
        if self.gate is not None:
            rows = torch.cat([-centres.square().sum(1, keepdim=True) / 2, centres], 1)
            self.gate.zero_()
            self.gate[:, : self.state_dim + 1] = rows[:-1] - rows[-1]  # the last regime's are zero

    def probabilities(self, x: Tensor) -> Tensor:
        """Share π(x) of each regime, (…, regimes), at states (…, state_dim)."""
        if self.gate is None:
            return torch.ones_like(x[..., :1])
        seen = torch.cat([x, x.square()], -1) if self.gate_kind == "quadratic" else x
        logits = (seen @ self.gate[:, 1:].t() + self.gate[:, 0]) / self.temperature
        return torch.cat([logits, torch.zeros_like(logits[..., :1])], -1).softmax(-1)

    def features(self, x: Tensor) -> Tensor:
        """Features ψ(x), (…, rank), whose products are the kernel."""
        shares = self.probabilities(x)
        moved = (x.unsqueeze(-2) - self.centres) * self.log_scale.exp()
        bias = self.log_bias.exp().expand(*moved.shape[:-1], 1)
        return (shares.unsqueeze(-1) * torch.cat([moved, bias], -1)).flatten(-2)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Kernel between states x (n, state_dim) and y (m, state_dim), (n, m)."""
        return self.features(x) @ self.features(y).t()
