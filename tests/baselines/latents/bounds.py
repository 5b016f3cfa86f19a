"""What expectation–maximisation climbs: the bound and the logarithms of all priors."""

import torch

from undertow.baselines.latents import LatentNetwork
from undertow.baselines.latents.learner import LatentLearner
from undertow.inference import GaussianReadout, LinearRegimes, PoissonReadout, RegimeMoves
from undertow.inference.linear_regimes import (
    INITIAL_TRIALS,
    MATRIX_PRECISION,
    NOISE_STEPS,
    NOISE_VAR,
    OFFSET_PRECISION,
)
from undertow.inference.path_readouts import WEAK_PRECISION
from undertow.inference.regime_moves import SLOPE_PRECISION, SPREAD, STICKY


@torch.no_grad()
def log_prior(network: LatentNetwork) -> float:
    """Of all parameters, up to constants."""
    return sum(float(_of(part)) for part in network.modules())


def _of(part: torch.nn.Module) -> torch.Tensor:
    if isinstance(part, PoissonReadout):
        return part._prior().sum()
    if isinstance(part, GaussianReadout):
        size = part.weight.square().sum(1) + part.offset.square()
        return -(WEAK_PRECISION * size / part.log_noise_var.exp()).sum() / 2
    if isinstance(part, LinearRegimes):
        return _dynamics(part)
    if isinstance(part, RegimeMoves):
        return _moves(part)
    return torch.zeros(())


def _dynamics(part: LinearRegimes) -> torch.Tensor:
    moved = part.weights.clone()
    moved[:, :, : part.dim] -= torch.eye(part.dim)
    precision = torch.full_like(moved[0, 0], OFFSET_PRECISION)
    precision[: part.dim] = MATRIX_PRECISION
    square = (moved * precision) @ moved.transpose(-1, -2)
    square = square + NOISE_STEPS * NOISE_VAR * torch.eye(part.dim)
    traces = torch.linalg.solve(part.noise_cov, square).diagonal(dim1=-2, dim2=-1).sum()
    total = traces + NOISE_STEPS * torch.logdet(part.noise_cov).sum()
    mean = part.initial_mean
    first = torch.eye(part.dim) + torch.outer(mean, mean)
    trace = torch.linalg.solve(part.initial_cov, first).trace()
    return -(total + INITIAL_TRIALS * (trace + torch.logdet(part.initial_cov))) / 2


def _moves(part: RegimeMoves) -> torch.Tensor:
    added = SPREAD + STICKY * torch.eye(len(part.initial))
    total = (added * torch.log_softmax(part.logits, -1)).sum() + SPREAD * part.initial.sum()
    return total - SLOPE_PRECISION * part.slopes.square().sum() / 2


def climb(learner: LatentLearner, iterations: int) -> torch.Tensor:
    """Bound and priors before each iteration, with the E-step's laws."""
    learner.start()
    values = []
    for _ in range(iterations):
        prior = log_prior(learner.network)
        values.append(prior + learner.iterate() * len(learner.given))
    return torch.tensor(values, dtype=torch.float64)
