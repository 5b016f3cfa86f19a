"""`LookAhead`: what a state is worth for all that is observed later, learned from particles.

Controlled sequential Monte Carlo (Heng, Bishop, Deligiannidis & Doucet 2020): the value of a state
is learned backwards as a quadratic, which also says where the next step should go.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from undertow.inference.controlled_chain import ControlledChain
from undertow.inference.initial_state import InitialLaw

MOST_PRODUCTS = 16
"""Widest state whose products of coordinates are read; of wider ones only the squares are."""
RIDGE = 1e-3
NARROWEST = 0.05
"""Least spread of the particles of an entry, as a share of that of all entries."""


@dataclass(frozen=True)
class LookAhead:
    """Quadratic ψ of the state at each entry of a path, for log p(observed later | state).

    Attributes:
        middle, scale: of the particles it was learned from, (steps + 1, trials, 1, state_dim).
        weights: of [1, z, z²] with z = (x − middle) / scale, (steps + 1, trials, numbers, 1); zero
            at the last entry, after which nothing is observed.
        low, high: least and largest value learned from, (steps + 1, trials, 1).
        start: proposal of the initial state, whose prior is N(0, I).
        pushes: proposals of each step's noise.
    """

    middle: Tensor
    scale: Tensor
    weights: Tensor
    low: Tensor
    high: Tensor
    start: InitialLaw
    pushes: Sequence["Push"]

    def __call__(self, k: int, x: Tensor) -> Tensor:
        """Value of states x (trials, particles, state_dim) at entry `k`, (trials, particles)."""
        values = (numbers_of((x - self.middle[k]) / self.scale[k]) @ self.weights[k])[..., 0]
        # a quadratic is not to be believed beyond the states it was learned from
        return torch.minimum(torch.maximum(values, self.low[k]), self.high[k])


@dataclass(frozen=True)
class Push:
    """Proposal of a step's noise η, from the quadratic value of where the step ends.

    The prior N(0, I) of η times exp(value) is N(C Bᵀ(b + 2 A z), C) with C = (I − 2 BᵀAB)⁻¹, where
    z is the mean of the step's end, in the numbers the value reads, and B the effect of η on it.

    Attributes:
        middle, scale: of the numbers the value reads, (trials, 1, state_dim).
        constant: (trials, 1).
        slope: b, (trials, 1, state_dim).
        curvature: A, symmetric and nowhere positive, (trials, state_dim, state_dim).
        effect: B, (trials, state_dim, noise_dim).
        factor: of C, lower triangular, (trials, noise_dim, noise_dim).
    """

    middle: Tensor
    scale: Tensor
    constant: Tensor
    slope: Tensor
    curvature: Tensor
    effect: Tensor
    factor: Tensor

    def propose(self, mean: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Turn standard normal numbers into the noise of a step.

        Args:
            mean: of the step's end under the prior, (trials, particles, state_dim).
            noise: standard normal, (trials, particles, noise_dim).

        Returns:
            η, shaped like `noise`, and its log density under the prior less that here, (trials,
            particles).
        """
        pull = self._pull((mean - self.middle) / self.scale)
        pushed = pull @ self.factor @ self.factor.mT + noise @ self.factor.mT
        apart = 0.5 * (noise.square() - pushed.square()).sum(-1)
        return pushed, apart + self._log_det

    @property
    def law(self) -> InitialLaw:
        """Law of a noise that is itself where a step ends: of an initial state."""
        pull = self._pull(-self.middle / self.scale)
        return InitialLaw((pull @ self.factor @ self.factor.mT)[:, 0], self.factor)

    def log_mean(self, mean: Tensor) -> Tensor:
        """Logarithm of the mean of exp(value) over the step's noise, (trials, particles)."""
        z = (mean - self.middle) / self.scale
        value = self.constant + (z * self.slope).sum(-1) + (z @ self.curvature * z).sum(-1)
        return value + 0.5 * (self._pull(z) @ self.factor).square().sum(-1) + self._log_det

    def _pull(self, z: Tensor) -> Tensor:
        return (self.slope + 2 * z @ self.curvature) @ self.effect

    @property
    def _log_det(self) -> Tensor:
        return self.factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)[:, None]


@torch.no_grad()
def learn_look_ahead(chain: ControlledChain, states: Tensor, log_likelihoods: Tensor) -> LookAhead:
    """Learn the value backwards, by least squares from one entry to the next.

    The value of an entry and what is observed there are one quadratic; its mean over the noise of
    the step is known in closed form, and is what the entry before is worth.

    Args:
        chain: whose steps are taken.
        states: of particles near what is likely, (steps + 1, trials, particles, state_dim).
        log_likelihoods: of what is observed at each entry, (steps + 1, trials, particles).
    """
    middle, scale = states.mean(2, keepdim=True), states.std(2, keepdim=True)
    # where particles are copies of a few their spread says nothing of what is likely
    scale = torch.maximum(scale, NARROWEST * scale.mean(0)) + torch.finfo(scale.dtype).tiny
    value = states.new_zeros(states.shape[1:3])
    weights = [states.new_zeros(states.shape[1], numbers_of(states[0]).shape[-1], 1)]
    bounds, pushes = [states.new_zeros(2, states.shape[1], 1)], list[Push]()
    for k in range(len(states) - 2, -1, -1):
        at, spread = middle[k + 1], scale[k + 1]
        numbers = numbers_of((states[k + 1] - at) / spread)
        worth = _least_squares(numbers, value + log_likelihoods[k + 1])
        mean, effect = chain.next_law(k, states[k])
        pushes.append(_push(worth, at, spread, effect))
        numbers = numbers_of((states[k] - middle[k]) / scale[k])
        weight = _least_squares(numbers, pushes[-1].log_mean(mean))
        value = (numbers @ weight)[..., 0]
        weights.append(weight)
        bounds.append(torch.stack([value.amin(-1, keepdim=True), value.amax(-1, keepdim=True)]))
    numbers = numbers_of((states[0] - middle[0]) / scale[0])
    worth, effect = _least_squares(numbers, value + log_likelihoods[0]), torch.ones_like(middle[0])
    start = _push(worth, middle[0], scale[0], torch.diag_embed(effect[:, 0])).law
    low, high = torch.stack(bounds[::-1], 1)
    return LookAhead(middle, scale, torch.stack(weights[::-1]), low, high, start, pushes[::-1])


def numbers_of(z: Tensor) -> Tensor:
    """Read 1, the coordinates and their products (of wide states their squares) off states."""
    dim = z.shape[-1]
    if dim > MOST_PRODUCTS:
        products = z.square()
    else:
        rows, columns = torch.triu_indices(dim, dim, device=z.device)
        products = z[..., rows] * z[..., columns]
    return torch.cat([torch.ones_like(z[..., :1]), z, products], -1)


def _least_squares(read: Tensor, target: Tensor) -> Tensor:
    """Solve ridge regressions of all trials, (trials, numbers, 1); the constant is free."""
    shrunk = RIDGE * read.shape[1] * torch.eye(read.shape[-1], dtype=read.dtype, device=read.device)
    shrunk[0, 0] *= 1e-3
    # about the mean: what all particles share would be shrunk with the rest
    mean = target.mean(-1, keepdim=True)
    found = torch.linalg.solve(read.mT @ read + shrunk, read.mT @ (target - mean)[..., None])
    found[:, 0] += mean
    return found


def _push(worth: Tensor, middle: Tensor, scale: Tensor, effect: Tensor) -> Push:
    """Make the proposal from the weights of the value at the step's end."""
    dim = middle.shape[-1]
    curvature = _curvature(worth[:, 1 + dim :, 0], dim)
    effect = effect / scale.mT
    # float64: a narrow value and a wide noise leave a precision few digits
    read, bend = effect.double(), curvature.double()
    eye = torch.eye(effect.shape[-1], dtype=torch.float64, device=effect.device)
    precision = eye - 2 * read.mT @ bend @ read
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(precision))
    factor = torch.linalg.cholesky(inverse).to(effect.dtype)
    return Push(middle, scale, worth[:, 0], worth[:, 1 : 1 + dim].mT, curvature, effect, factor)


def _curvature(weights: Tensor, dim: int) -> Tensor:
    """Make a symmetric matrix, nowhere positive, of the weights of products, (trials, dim, dim)."""
    if dim > MOST_PRODUCTS:
        return torch.diag_embed(weights.clamp(max=0.0))
    rows, columns = torch.triu_indices(dim, dim, device=weights.device)
    matrix = weights.new_zeros(len(weights), dim, dim)
    matrix[:, rows, columns] = weights
    # a value that grows without bound would pull a step out of all that was seen
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    bent: Tensor = vectors * values.clamp(max=0.0)[:, None] @ vectors.mT
    return (bent + bent.mT) / 2
