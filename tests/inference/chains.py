"""Linear Gaussian chains: their evidence in two ways, and the best control of them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from undertow.dynamics import Dynamics, LinearSDE, from_function
from undertow.inference import InitialLaw, Path, Steering, TimeGrid, solve

DIM, BINS, BIN_S = 2, 50, 0.02
OBS_STD = 0.4
READOUT = torch.tensor([[1.0, 0.4], [-0.3, 0.8]], dtype=torch.float64)
GRID = TimeGrid.over((torch.arange(BINS, dtype=torch.float64)[None] + 0.5) * BIN_S)
TIMESCALE_S = BINS * BIN_S / 2.5


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exact_process() -> Dynamics:
    """An Ornstein–Uhlenbeck process stepped exactly: its noise is correlated."""
    dynamics = LinearSDE(DIM, timescale_s=TIMESCALE_S).double()
    with torch.no_grad():
        dynamics.matrix.copy_(torch.tensor([[-0.6, 2.5], [-2.0, -1.0]]))
        dynamics.offset.copy_(torch.tensor([0.5, -0.2]))
    return dynamics


def euler_process() -> Dynamics:
    """Nearly the same by Euler–Maruyama steps."""
    settings = {
        "matrix": torch.tensor([[-0.6, 2.5], [-2.0, -1.0]]),
        "offset": torch.tensor([0.5, -0.2]),
    }
    made = from_function(
        lambda x, u, matrix, offset: x @ matrix.t() + offset,
        DIM,
        parameters=settings,
        timescale_s=TIMESCALE_S,
    )
    return made.double()


@dataclass(frozen=True)
class Chain:
    """x₀ ~ N(0, I), x' = A x + b + L η, y = C x + OBS_STD ε."""

    decay: Tensor
    offset: Tensor
    factor: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, dynamics: Dynamics, h: Tensor) -> "Chain":
        """The chain that affine dynamics step through."""
        x = torch.cat([torch.zeros(1, DIM), torch.eye(DIM)]).double()
        mean, std = dynamics.step(0.0, x, h)
        return cls(
            (mean[1:] - mean[0]).t(), mean[0], std if dynamics.correlated else torch.diag(std)
        )

    @property
    def noise_var(self) -> Tensor:
        return self.factor @ self.factor.t()

    def sample(self, seed: int) -> Tensor:
        """Observations of one trial, (BINS, DIM)."""
        noise, x, states = normal(BINS, DIM, seed=seed), normal(DIM, seed=seed + 1), []
        for eta in noise:
            states.append(x)
            x = self.decay @ x + self.offset + self.factor @ eta
        return torch.stack(states) @ READOUT.t() + OBS_STD * normal(BINS, DIM, seed=seed + 2)

    def kalman_evidence(self, observed: Tensor) -> float:
        """log p(y), bin by bin."""
        mean, cov, total = torch.zeros(DIM).double(), torch.eye(DIM).double(), 0.0
        obs_var = OBS_STD**2 * torch.eye(DIM).double()
        for y in observed:
            predicted = READOUT @ cov @ READOUT.t() + obs_var
            total += float(MultivariateNormal(READOUT @ mean, predicted).log_prob(y))
            gain = cov @ READOUT.t() @ torch.linalg.inv(predicted)
            mean, cov = mean + gain @ (y - READOUT @ mean), cov - gain @ READOUT @ cov
            mean, cov = (
                self.decay @ mean + self.offset,
                self.decay @ cov @ self.decay.t() + self.noise_var,
            )
        return total

    def dense_law(self) -> tuple[Tensor, Tensor]:
        """Mean (BINS · DIM,) and covariance of the whole path: x = path of the mean + W [x₀, η₁,
        η₂, …]."""
        mean, rows = torch.zeros(DIM).double(), torch.zeros(DIM, BINS * DIM).double()
        rows[:, :DIM] = torch.eye(DIM)
        means, weights = [mean], [rows]
        for k in range(1, BINS):
            mean, rows = self.decay @ mean + self.offset, self.decay @ rows
            rows[:, k * DIM : (k + 1) * DIM] = self.factor
            means.append(mean)
            weights.append(rows)
        weight = torch.cat(weights)
        return torch.cat(means), weight @ weight.t()

    def dense_evidence(self, observed: Tensor) -> float:
        """log p(y) as one Gaussian of BINS · DIM numbers."""
        mean, cov = self.dense_law()
        readout = torch.block_diag(*[READOUT] * BINS)
        noise_var = OBS_STD**2 * torch.eye(BINS * DIM).double()
        law = MultivariateNormal(readout @ mean, readout @ cov @ readout.t() + noise_var)
        return float(law.log_prob(observed.flatten()))

    def best_posterior(self, observed: Tensor, h: Tensor) -> tuple[Tensor, InitialLaw, float]:
        """The controlled chain closest to the posterior: its control Δ = G x + d as [G, d] of each
        step, the law of its start, and how far its bound stays below the evidence because the noise
        of a step is the prior's.

        By backward recursion for −½ xᵀ M x + xᵀ g, the log-likelihood of bin k and all that follow
        as a function of x_k.
        """
        precision, eye = torch.linalg.inv(self.noise_var), torch.eye(DIM).double()
        own_m, own_g = READOUT.t() @ READOUT / OBS_STD**2, observed @ READOUT / OBS_STD**2
        m, g, gap, controls = own_m, own_g[-1], 0.0, []
        for k in range(BINS - 2, -1, -1):
            narrowed = m @ self.noise_var
            gap += 0.5 * float(narrowed.trace() - torch.linalg.slogdet(eye + narrowed)[1])
            cov = torch.linalg.inv(precision + m)
            unit = torch.linalg.inv(self.factor) / h.sqrt()
            pull = cov @ precision - eye
            controls.append(
                torch.cat(
                    [unit @ pull @ self.decay, (unit @ (cov @ g + pull @ self.offset))[:, None]], 1
                )
            )
            joint = precision - precision @ cov @ precision
            m, g = (
                own_m + self.decay.t() @ joint @ self.decay,
                own_g[k] + self.decay.t() @ (precision @ cov @ g - joint @ self.offset),
            )
        cov = torch.linalg.inv(eye + m)
        law = InitialLaw((cov @ g)[None], torch.linalg.cholesky(cov)[None])
        return torch.stack(controls[::-1]), law, gap


class AffineSteering(Steering):
    """Δ = G x + d, with [G, d] of each step as the context."""

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        return context

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        assert prepared is not None
        control = prepared.unflatten(-1, (-1, x.shape[-1] + 1))
        return (control[..., :-1] @ x[..., None])[..., 0] + control[..., -1]


class RandomSteering(Steering):
    """A control that depends on the state in no particular way."""

    def __init__(self, seed: int, size: float) -> None:
        super().__init__()
        self.inner, self.outer = (
            nn.Parameter(normal(4, 3, seed=seed)),
            nn.Parameter(size * normal(DIM, 4, seed=seed + 1)),
        )

    def prepare(self, context: Tensor | None, inputs: Tensor | None) -> Tensor | None:
        return None

    def forward(
        self, x: Tensor, prepared: Tensor | None, mean: Tensor, std: Tensor, h: Tensor
    ) -> Tensor:
        return torch.tanh(x @ self.inner[:, :DIM].t() + self.inner[:, DIM]) @ self.outer.t()


@dataclass(frozen=True)
class Paths:
    """Posterior paths of one trial: ELBO and log weight of each."""

    elbo: Tensor
    log_weights: Tensor


@torch.no_grad()
def run(
    dynamics: Dynamics,
    observed: Tensor,
    law: InitialLaw,
    steering: Steering,
    context: Tensor | None = None,
    paths: int = 2000,
    seed: int = 0,
) -> Paths:
    """Draw paths of the controlled chain and price them."""
    first = normal(paths, DIM, seed=seed)
    given = None if context is None else context.flatten(1).expand(paths, -1, -1)
    solved: Path = solve(
        dynamics,
        law.at(first),
        normal(paths, BINS - 1, DIM, seed=seed + 1),
        GRID,
        steering=steering,
        context=given,
    )
    error = (observed - solved.states @ READOUT.t()) / OBS_STD
    likelihood = (-0.5 * error.square() - math.log(OBS_STD) - 0.5 * math.log(2 * math.pi)).sum(
        (1, 2)
    )
    elbo = likelihood - law.kl.sum(1) - solved.kl_path.sum(1)
    return Paths(elbo, likelihood + law.log_ratio(first) + solved.log_ratio)
