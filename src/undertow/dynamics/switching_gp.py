"""Gaussian-process drift that switches smoothly between linear flows, with its uncertainty."""

from typing import Unpack

import torch
from torch import Tensor, nn

from undertow.dynamics.base import Time
from undertow.dynamics.integrated import IntegratedSDE, SDEOptions
from undertow.dynamics.limits import width
from undertow.dynamics.linear_sde import START_DECAY, START_TURN
from undertow.dynamics.switching_kernel import Gate, SwitchingLinearKernel

JITTER = 1e-8
"""Added to the prior variance of inducing values, relative to their mean: the kernel is singular
where there are more of them than its rank."""
START_INPUT = 0.3


class SwitchingGP(IntegratedSDE):
    """SDE dx = (f(x) + B u) ds + σ dW whose drift f has a Gaussian-process law.

    Each coordinate f_d has the prior GP(0, k) of the smoothly switching linear kernel k
    (`SwitchingLinearKernel`), B the prior N(0, 1) in each entry. Both are linear in whitened
    weights w_d ~ N(0, I): f_d(x) + B_d u = a(x, u)ᵀ w_d + a remainder of variance r(x). The law of
    the drift is that of the weights, q(w_d) = N(mean_d, basis diag(var_d) basisᵀ):

    - `inducing=None`: a(x) = ψ(x), the features of the kernel. It has a finite rank, so that these
      weights are all there is and r(x) = 0.
    - `inducing=N`: a(x) = L⁻¹ k(Z, x), L Lᵀ = k(Z, Z), of N inducing states Z, and
      r(x) = k(x, x) − |a(x)|² (Titsias 2009). As exact, from N = regimes × (state_dim + 1) on.

    `drift` is the mean of that law, so that any model can use it as a prior: the mean is then
    learned as the weights of a network are, and the variance stays the prior's. `GPSLDS` infers
    both.

    Args:
        state_dim: width of the state.
        regimes: number of linear flows that it blends.
        input_dim: external inputs u.
        inducing: number of inducing states; None for the kernel's own features.
        gate: what regimes are read from, 'linear' or 'quadratic' in the state.
        temperature: width of the borders between regimes, above zero.
        options: see `IntegratedSDE`.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    locations: Tensor | None
    basis: Tensor
    var: Tensor

    def __init__(
        self,
        state_dim: int,
        regimes: int = 3,
        input_dim: int = 0,
        inducing: int | None = None,
        gate: Gate = "linear",
        temperature: float = 0.5,
        **options: Unpack[SDEOptions],
    ) -> None:
        super().__init__(state_dim, input_dim, **options)
        self.kernel = SwitchingLinearKernel(state_dim, regimes, gate, temperature)
        self.inducing = None if inducing is None else width("inducing", inducing)
        locations = None if inducing is None else torch.randn(self.inducing or 0, state_dim)
        self.register_buffer("locations", locations)
        weights = (self.inducing or self.kernel.rank) + self.input_dim
        self.mean = nn.Parameter(torch.cat([self._flows(), self._inputs()], 1))
        self.register_buffer("basis", torch.eye(weights))
        self.register_buffer("var", torch.ones(state_dim, weights))

    @torch.no_grad()
    def _flows(self) -> Tensor:
        """Weights to start from: slow decay plus a rotation in each regime."""
        n, kernel = self.state_dim, self.kernel
        random = torch.randn(kernel.regimes, n, n) / n**0.5
        matrices = START_TURN * (random - random.transpose(1, 2)) - START_DECAY * torch.eye(n)
        scaled = torch.cat(
            [matrices / kernel.log_scale.exp(), torch.zeros(kernel.regimes, n, 1)], 2
        )
        weights = scaled.transpose(0, 1).flatten(1)
        if self.locations is None:
            return weights
        values = kernel.features(self.locations) @ weights.t()
        return torch.linalg.solve_triangular(self._factor(), values, upper=False).t()

    def _inputs(self) -> Tensor:
        return START_INPUT * torch.randn(self.state_dim, self.input_dim)

    def _factor(self) -> Tensor:
        """Lower triangular L of k(Z, Z) = L Lᵀ."""
        assert self.locations is not None
        prior = self.kernel(self.locations, self.locations)
        scale = prior.diagonal().mean()
        # float32 cannot factor what is nearly singular with less
        jitter = max(JITTER, 100 * torch.finfo(prior.dtype).eps) * scale
        return torch.linalg.cholesky(prior + jitter * torch.eye(len(prior)).to(prior))

    # --- the drift -----------------------------------------------------------------------------

    def weighted(self, x: Tensor, u: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What the weights are multiplied with, and the variance they leave.

        a(x, u) is (…, weights), r(x) is (…).
        """
        features = self.kernel.features(x)
        left = torch.zeros_like(x[..., 0])
        if self.locations is not None:
            cross = features @ self.kernel.features(self.locations).t()
            solved = torch.linalg.solve_triangular(
                self._factor(), cross.flatten(0, -2).t(), upper=False
            )
            remainder = features.square().sum(-1)
            features = solved.t().reshape(*x.shape[:-1], -1)
            left = (remainder - features.square().sum(-1)).clamp(min=0)
        return self.with_input(features, u), left

    def drift(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        return self.weighted(x, u)[0] @ self.mean.t()

    def drift_std(self, s: Time, x: Tensor, u: Tensor | None = None) -> Tensor:
        """Standard deviation of the drift per unit of internal time, (…, state_dim)."""
        a, left = self.weighted(x, u)
        return ((a @ self.basis).square() @ self.var.t() + left.unsqueeze(-1)).sqrt()

    def regimes(self, x: Tensor) -> Tensor:
        """Share of each regime at states (…, state_dim), (…, regimes); they sum to one."""
        return self.kernel.probabilities(x)

    # --- the law of its weights ------------------------------------------------------------------

    @torch.no_grad()
    def set_weights(self, mean: Tensor, basis: Tensor, var: Tensor) -> None:
        """Set the law of the weights: means and variances (state_dim, weights) along the columns
        of an orthogonal `basis`, the means in the weights' own coordinates."""
        self.mean.copy_(mean)
        self.basis.copy_(basis)
        self.var.copy_(var)

    def weights_kl(self) -> Tensor:
        """Kullback–Leibler divergence of the weights' law from their prior, in nats.

        That of inducing values is the same: they are an invertible map of the weights.
        """
        kl: Tensor = (self.var + self.mean.square() - 1 - self.var.log()).sum() / 2
        return kl
