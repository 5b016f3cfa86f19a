"""Linear SDE with its exact transition."""

import torch
from torch import Tensor, nn

from undertow.dynamics.base import SDE, Time
from undertow.dynamics.coupling import InputMap
from undertow.dynamics.diffusions import ConstantDiffusion
from undertow.dynamics.growth import eigenvalues, refuse_growth
from undertow.dynamics.integrated import timescale_parameter
from undertow.dynamics.limits import width

START_DECAY, START_TURN = 0.5, 2.0


class LinearSDE(SDE):
    """Linear SDE dx = (A x + B u + c) ds + σ dW, every step of which is exact.

    It is an Ornstein–Uhlenbeck process where A is stable. A step of size h is

        x' = e^{Ah} x + ∫₀ʰ e^{Ar} dr (B u + c) + L η,   L Lᵀ = ∫₀ʰ e^{Ar} σ² e^{Aᵀr} dr

    with the input held over the step; the integrals are blocks of one matrix exponential (Van Loan,
    1978). A starts as slow decay plus rotations.

    Args:
        state_dim: width of the state.
        input_dim: external inputs u.
        noise: False for the linear ordinary differential equation.
        timescale_s: seconds per unit of internal time; None leaves it to the model.
        learn_timescale: learn it, as its logarithm.
        allow_unstable: run with an A under which paths grow, instead of refusing it.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self,
        state_dim: int,
        input_dim: int = 0,
        noise: bool = True,
        timescale_s: float | None = None,
        learn_timescale: bool = False,
        allow_unstable: bool = False,
    ) -> None:
        super().__init__()
        state_dim, input_dim = width("state_dim", state_dim), width("input_dim", input_dim, 0)
        self.state_dim, self.input_dim, self.allow_unstable = state_dim, input_dim, allow_unstable
        self.noise_dim, self.correlated = (state_dim, True) if noise else (0, False)
        random = torch.randn(state_dim, state_dim) / state_dim**0.5
        self.matrix = nn.Parameter(
            START_TURN * (random - random.t()) - START_DECAY * torch.eye(state_dim)
        )
        self.offset = nn.Parameter(torch.zeros(state_dim))
        self.input_map = InputMap(input_dim, state_dim)
        self.diffusivity = ConstantDiffusion(state_dim) if noise else None
        self.log_timescale = timescale_parameter(timescale_s, learn_timescale)

    @property
    def timescale_s(self) -> Tensor:
        return self.log_timescale.exp()

    @property
    def noisy(self) -> slice:
        return slice(0, self.noise_dim)

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return x @ self.matrix.t() + self.offset + self.input_map(u)

    def diffusion(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        if self.diffusivity is None:
            return torch.zeros_like(x)
        std: Tensor = self.diffusivity(x)
        return std.expand_as(x)

    def step(self, s: Time, x: Tensor, h: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        decay, integral, covariance = self.transition(h)
        push = (self.offset + self.input_map(u)).expand_as(x)
        mean = (decay @ x[..., None] + integral @ push[..., None])[..., 0]
        return mean, x.new_zeros(0) if self.diffusivity is None else torch.linalg.cholesky(
            covariance
        )

    def transition(self, h: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute e^{Ah}, its integral and the covariance of a step.

        Each is (n, n), or (trials, n, n) for h (trials, 1).

        exp of h [[−A, Q, 0], [0, Aᵀ, I], [0, 0, 0]] has e^{Aᵀh} and its integral in the middle row,
        and e^{−Ah} times the covariance above them.
        """
        n, a = self.state_dim, self.matrix
        zero, eye = torch.zeros_like(a), torch.eye(n, dtype=a.dtype, device=a.device)
        noise_var = torch.diag(self.diffusion(0.0, self.offset).square())
        rows = [[-a, noise_var, zero], [zero, a.t(), eye], [zero, zero, zero]]
        generator = torch.cat([torch.cat(row, 1) for row in rows])
        blocks = torch.linalg.matrix_exp(h[..., None] * generator if h.ndim else h * generator)
        decay = blocks[..., n : 2 * n, n : 2 * n].transpose(-1, -2)
        integral = blocks[..., n : 2 * n, 2 * n :].transpose(-1, -2)
        return decay, integral, decay @ blocks[..., :n, n : 2 * n]

    def check_stable(self, bin_s: float) -> None:
        """Raise where paths grow a thousandfold within 10,000 bins.

        Raises:
            StabilityError: naming the factor by which they grow in a bin.
        """
        if not self.allow_unstable:
            growth = eigenvalues(self.matrix, "the drift matrix").real.max()
            radius = float(torch.exp(growth * bin_s / self.timescale_s.detach().double().cpu()))
            refuse_growth(
                radius, "linear drift is", "a matrix whose eigenvalues have negative real parts"
            )
