"""`LinearRegimes`: linear dynamics, or several that take turns, as a prior over latent paths."""

from math import log, pi

import torch
from torch import Tensor, nn

from undertow.inference.chain_prior import ChainPrior
from undertow.inference.gaussian_chain import GaussianChain

MATRIX_PRECISION, OFFSET_PRECISION = 1.0, 1.0
"""Of the normal priors that draw each regime's matrix to the identity, and its inputs to zero."""
NOISE_VAR, NOISE_STEPS = 0.01, 1.0
"""The prior of each noise covariance counts for so many steps of this variance."""
INITIAL_TRIALS = 1.0
"""The prior N(0, I) of the first state counts for so many trials."""


class LinearRegimes(nn.Module):
    """x₁ ~ N(m, S), x_{t+1} = A_k x_t + b_k + B_k u_t + N(0, Q_k) in regime k.

    One regime is a linear dynamical system; which regime holds in each step is said by weights.

    Args:
        dim: width of the state.
        regimes: number of regimes.
        input_dim: width of u; 0 for none.

    Attributes:
        weights: [A, b, B] of each regime, (regimes, dim, dim + 1 + input_dim).
        noise_cov: Q, (regimes, dim, dim).
        initial_mean, initial_cov: law of the first state.
    """

    initial_mean: Tensor
    initial_cov: Tensor

    def __init__(self, dim: int, regimes: int = 1, input_dim: int = 0) -> None:
        super().__init__()
        self.dim, self.regimes = dim, regimes
        start = torch.zeros(regimes, dim, dim + 1 + input_dim)
        start[:, :, :dim] = 0.95 * torch.eye(dim)
        self.weights = nn.Parameter(start)
        self.noise_cov = nn.Parameter(0.1 * torch.eye(dim).repeat(regimes, 1, 1))
        self.register_buffer("initial_mean", torch.zeros(dim))
        self.register_buffer("initial_cov", torch.eye(dim))

    @property
    def matrices(self) -> Tensor:
        """A of each regime, (regimes, dim, dim)."""
        return self.weights[:, :, : self.dim]

    def _constants(self, inputs: Tensor | None) -> Tensor:
        """b + B u of each step and regime, (trials or 1, steps or 1, regimes, dim)."""
        constant = self.weights[None, None, :, :, self.dim]
        if inputs is None:
            return constant
        driven = torch.einsum("kdi,nti->ntkd", self.weights[:, :, self.dim + 1 :], inputs[:, :-1])
        return constant + driven

    def misfit(self) -> str:
        """Say which covariance is none; empty where all are."""
        for name in ("noise_cov", "initial_cov"):
            held = getattr(self, name).detach()
            even = torch.allclose(held, held.transpose(-1, -2), rtol=1e-5)
            if not even or bool(torch.linalg.cholesky_ex(held).info.any()):
                return f"{name} must hold positive definite matrices"
        return ""

    # --- as a prior --------------------------------------------------------------------------

    @torch.no_grad()
    def prior(self, n_bins: int, shares: Tensor | None, inputs: Tensor | None) -> ChainPrior:
        """The law of paths, expected under the regimes' probabilities.

        Args:
            n_bins: bins of a trial.
            shares: probability of each regime in each step, (trials, bins − 1, regimes); None where
                there is one regime.
            inputs: u, (trials, bins, input_dim); None for none.
        """
        precision = torch.linalg.inv(self.noise_cov)
        a = self.matrices
        pull = precision @ a
        constants = self._constants(inputs)
        if shares is None:
            shares = constants.new_ones(len(constants), max(n_bins - 1, 0), 1)
        from_before = _mixed(shares, a.transpose(-1, -2) @ pull)
        towards = _mixed(shares, precision)
        link = -_mixed(shares, pull)
        weighted = torch.einsum("kde,ntke->ntkd", precision, constants)  # Q⁻¹ (b + B u)
        back = -torch.einsum("ntk,kde,ntkd->nte", shares, a, weighted.expand(*shares.shape, -1))
        ahead = torch.einsum("ntk,ntkd->ntd", shares, weighted.expand(*shares.shape, -1))
        blocks = precision.new_zeros(len(shares), n_bins, self.dim, self.dim)
        blocks[:, :-1] += from_before
        blocks[:, 1:] += towards
        linear = precision.new_zeros(len(shares), n_bins, self.dim)
        linear[:, :-1] += back
        linear[:, 1:] += ahead
        initial = torch.linalg.inv(self.initial_cov)
        blocks[:, 0] += initial
        linear[:, 0] += initial @ self.initial_mean
        square = (constants * weighted).sum(-1)
        log_det = torch.logdet(2 * pi * self.noise_cov)
        constant = -(shares * (square + log_det)).sum((1, 2)) / 2
        first = self.initial_mean @ initial @ self.initial_mean
        constant = constant - (first + torch.logdet(2 * pi * self.initial_cov)) / 2
        return ChainPrior(GaussianChain(linear, blocks, link), constant)

    # --- given paths -------------------------------------------------------------------------

    @torch.no_grad()
    def expected_log_steps(
        self, mean: Tensor, cov: Tensor, lag: Tensor, inputs: Tensor | None
    ) -> Tensor:
        """Expected log density of each step in each regime, (trials, bins − 1, regimes).

        Args:
            mean, cov, lag: moments of the paths, see `Moments`.
            inputs: u, (trials, bins, input_dim); None for none.
        """
        constants, precision = self._constants(inputs), torch.linalg.inv(self.noise_cov)
        carried = precision @ self.matrices  # Q⁻¹ A
        back = self.matrices.transpose(-1, -2) @ carried
        # tr Q⁻¹ (S₁ + A S₀ Aᵀ − L Aᵀ − A Lᵀ) of every step, a product of what is flattened
        spread = cov[:, 1:].flatten(-2) @ precision.flatten(1).t()
        spread += cov[:, :-1].flatten(-2) @ back.flatten(1).t()
        spread -= 2 * lag.flatten(-2) @ carried.flatten(1).t()
        for k in range(self.regimes):
            miss = mean[:, 1:] - mean[:, :-1] @ self.matrices[k].t() - constants[:, :, k]
            spread[..., k] += ((miss @ precision[k]) * miss).sum(-1)
        return -(spread + torch.logdet(2 * pi * self.noise_cov)) / 2

    @torch.no_grad()
    def expected_log_first(self, mean: Tensor, cov: Tensor) -> Tensor:
        """Expected log density of the first state, of moments (trials, dim), …; (trials,)."""
        factor = torch.linalg.cholesky(self.initial_cov)
        precision, miss = torch.cholesky_inverse(factor), mean - self.initial_mean
        square = ((miss @ precision) * miss).sum(-1) + (precision * cov).sum((-1, -2))
        return -(square + 2 * factor.diagonal().log().sum() + self.dim * log(2 * pi)) / 2

    @torch.no_grad()
    def learn(
        self,
        mean: Tensor,
        cov: Tensor,
        lag: Tensor,
        shares: Tensor,
        inputs: Tensor | None,
    ) -> None:
        """Set each regime to its best given the paths: weighted regression of x' on [x, 1, u].

        Args:
            mean, cov, lag, inputs: as in `expected_log_steps`.
            shares: how far each step counts for each regime, (trials, bins − 1, regimes).
        """
        before = [mean[:, :-1], torch.ones_like(mean[:, :-1, :1])]
        if inputs is not None:
            before.append(inputs[:, :-1])
        design = torch.cat(before, -1).flatten(0, 1)
        after, spread = mean[:, 1:].flatten(0, 1), cov[:, :-1].flatten(0, 1)
        crossed, later = lag.flatten(0, 1), cov[:, 1:].flatten(0, 1)
        penalty = design.new_full((design.shape[1],), OFFSET_PRECISION)
        penalty[: self.dim] = MATRIX_PRECISION
        target = design.new_zeros(self.dim, design.shape[1])
        target[:, : self.dim] = torch.eye(self.dim)
        for k in range(self.regimes):
            share = shares[..., k].flatten()
            square = design.t() @ (share[:, None] * design)
            square[: self.dim, : self.dim] += torch.einsum("b,bij->ij", share, spread)
            product = after.t() @ (share[:, None] * design)
            product[:, : self.dim] += torch.einsum("b,bij->ij", share, crossed)
            total = after.t() @ (share[:, None] * after) + torch.einsum("b,bij->ij", share, later)
            # penalties are in units of the noise, so that the answer has a closed form
            regular = square + torch.diag(penalty)
            pulled = product + target * penalty
            weights = torch.linalg.solve(regular, pulled.t()).t()
            left = total - weights @ product.t() - product @ weights.t()
            left = left + weights @ square @ weights.t()
            left = left + (weights - target) @ torch.diag(penalty) @ (weights - target).t()
            noise = left + NOISE_STEPS * NOISE_VAR * torch.eye(self.dim).to(left)
            self.weights[k] = weights
            self.noise_cov[k] = (noise + noise.t()) / (2 * (share.sum() + NOISE_STEPS))

    @torch.no_grad()
    def learn_initial(self, mean: Tensor, cov: Tensor) -> None:
        """Set the law of the first state, drawn a little to N(0, I), from (trials, dim) of it."""
        n = len(mean) + INITIAL_TRIALS
        centre = mean.sum(0) / n
        moved = mean - centre
        eye = torch.eye(self.dim).to(mean) + torch.outer(centre, centre)
        self.initial_mean.copy_(centre)
        self.initial_cov.copy_((moved.t() @ moved + cov.sum(0) + INITIAL_TRIALS * eye) / n)

    @torch.no_grad()
    def advanced(self, x: Tensor, regime: Tensor, inputs: Tensor | None, noise: Tensor) -> Tensor:
        """States (trials, dim) a bin later, each in its regime (trials,), under noise like x."""
        parts = [x, torch.ones_like(x[:, :1])] + ([] if inputs is None else [inputs])
        mean = (self.weights[regime] @ torch.cat(parts, -1)[..., None])[..., 0]
        factor = torch.linalg.cholesky(self.noise_cov)[regime]
        return mean + (factor @ noise[..., None])[..., 0]


def _mixed(shares: Tensor, matrices: Tensor) -> Tensor:
    """Matrices (regimes, dim, dim) weighted in each step, (trials, steps, dim, dim)."""
    return torch.einsum("ntk,kde->ntde", shares, matrices)
