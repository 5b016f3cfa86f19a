"""`FreePosterior`: marginals of the posterior, read off the context: no path is simulated."""

import torch
from torch import Tensor, nn

from undertow.dynamics import SDE, Dynamics
from undertow.errors import ModelError
from undertow.inference.marginals import Marginal, own_turn

START_STD, START_MEAN = 0.3, 2.0
LOG_STDS = (-6.0, 3.0)
PROBES = 16


class FreePosterior(nn.Module):
    """Law N(m, LLᵀ) of the state at each bin, given the context of all observations.

    Between bins m and L run along straight lines (`Flow.between`). A linear map and one hidden
    tanh layer, side by side, give m, log of L's diagonal and the turn beyond the prior's own. L
    starts at 0.3, about the noise of a unit of internal time, the turn at zero, and m at random
    directions of the context: with all coordinates alike, some would never come to be used.

    Args:
        dynamics: the prior, an `SDE` with noise in every coordinate that does not depend on the
            state.
        context_dim: width of the context, and of the input beside it.
        hidden_dim: units of the hidden layer.
        full: infer covariances between coordinates too.
        sampled_times: times drawn per trial and training step.

    Raises:
        ModelError: for other dynamics, with the reason.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        context_dim: int,
        hidden_dim: int = 64,
        full: bool = False,
        sampled_times: int = 32,
    ) -> None:
        super().__init__()
        check_dynamics(dynamics)
        self.dim, self.full, self.sampled_times = dynamics.state_dim, full, sampled_times
        below = self.dim * (self.dim - 1) // 2
        self.widths = [self.dim, self.dim, below, below if full else 0]
        self.hidden = nn.Linear(context_dim, hidden_dim)
        self.out = nn.Linear(hidden_dim, sum(self.widths))
        self.direct = nn.Linear(context_dim, sum(self.widths), bias=False)
        for zero in (self.out.weight, self.out.bias, self.direct.weight):
            nn.init.zeros_(zero)
        nn.init.normal_(self.direct.weight[: self.dim], std=START_MEAN / context_dim**0.5)

    def forward(self, context: Tensor, own: Tensor, diffusion: Tensor) -> Marginal:
        """Return the laws at these contexts.

        Args:
            context: with the input beside it, (…, context_dim).
            own: `jacobian` of the prior, (dim, dim).
            diffusion: σ at these inputs, (…, dim).
        """
        given = self.out(torch.tanh(self.hidden(context))) + self.direct(context)
        mean, log_std, turn, below = given.split(self.widths, -1)
        factor = START_STD * log_std.clamp(*LOG_STDS).exp()
        if self.full:
            # relative to the row's std: a factor keeps its shape whatever its size
            factor = torch.diag_embed(factor) + factor[..., None] * self._below(below)
        turning = self._below(turn)
        beyond = turning - turning.transpose(-1, -2)
        return Marginal(mean, factor, own_turn(own, factor, diffusion) + beyond)

    def _below(self, values: Tensor) -> Tensor:
        """Place values below the diagonal of (…, dim, dim)."""
        rows, columns = torch.tril_indices(self.dim, self.dim, -1, device=values.device)
        matrix = values.new_zeros(*values.shape[:-1], self.dim, self.dim)
        matrix[..., rows, columns] = values
        return matrix


def check_dynamics(dynamics: Dynamics) -> None:
    """Refuse dynamics whose drift no flow of marginals can be matched to.

    Raises:
        ModelError: with the reason and the way out.
    """
    kind, simulated = type(dynamics).__name__, "use training_path='simulated'"
    if not isinstance(dynamics, SDE):
        raise ModelError(
            f"training_path='free' needs an SDE, in continuous time, which {kind} is not: "
            f"{simulated}."
        )
    if dynamics.noise_dim < dynamics.state_dim:
        lacking = "no noise" if not dynamics.noise_dim else "coordinates without noise"
        raise ModelError(
            f"training_path='free' needs noise in every coordinate, and {kind} has {lacking}: a "
            f"drift of the posterior's own would have infinite divergence there; {simulated}."
        )
    if _noise_depends_on_state(dynamics):
        raise ModelError(
            f"training_path='free' needs noise that does not depend on the state, and that of "
            f"{kind} does: use diffusion='constant' or 'input', or training_path='simulated'."
        )


def _noise_depends_on_state(dynamics: SDE) -> bool:
    like = next(dynamics.parameters())
    grid = torch.linspace(-1.7, 2.3, PROBES * dynamics.state_dim, dtype=like.dtype)
    x = grid.view(PROBES, -1).to(like.device).requires_grad_()
    u = x.new_ones(PROBES, dynamics.input_dim) if dynamics.input_dim else None
    with torch.enable_grad():
        diffusion = dynamics.diffusion(0.0, x, u)
        if not diffusion.requires_grad:
            return False
        (slope,) = torch.autograd.grad(diffusion.sum(), x, allow_unused=True)
    return slope is not None and bool((slope != 0).any())


def jacobian(dynamics: SDE) -> Tensor:
    """Slope of the drift at the origin without input, (state_dim, state_dim)."""
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        like = next(dynamics.parameters())
        x = like.new_zeros(dynamics.state_dim, dynamics.state_dim, requires_grad=True)
        # one copy of the origin for each row: a single backward pass gives all of them
        drift = dynamics.drift(0.0, x)
        if not drift.requires_grad:
            return torch.zeros_like(x)
        (slope,) = torch.autograd.grad(
            drift.diagonal().sum(), x, create_graph=keep, allow_unused=True
        )
    return torch.zeros_like(x) if slope is None else slope
