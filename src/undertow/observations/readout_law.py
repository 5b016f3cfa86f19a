"""`ReadoutLaw`: a Gaussian over the linear readouts of counts, about their fitted weights."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from undertow.observations.counts import CountObservation
from undertow.observations.negative_binomial import NegativeBinomialObservation

LEAST_PRIOR_VAR = 1e-4


class ReadoutLaw(nn.Module):
    """Laplace's approximation N(w, H⁻¹) of each neuron's readout, its offset included.

    H is the expected Fisher information at the fit w, Σ (dμ/dη)² / var(y) · f fᵀ over bins with a
    count (η = w·f, μ the expected count), plus a prior of the fitted weights' own mean square
    (MacKay 1992, Neural Computation 4:448). Features are taken as known.

    Args:
        n_neurons: readouts, each with a law of its own.
        feature_dim: features each reads.

    Attributes:
        root: L of the covariance LLᵀ, (neurons, features + 1, features + 1).
        of_neurons: every recording has one of its own.
    """

    of_neurons = True
    root: Tensor

    def __init__(self, n_neurons: int, feature_dim: int) -> None:
        super().__init__()
        self.register_buffer("root", torch.zeros(n_neurons, feature_dim + 1, feature_dim + 1))

    @torch.no_grad()
    def fit(
        self, observation: CountObservation, parts: Iterable[tuple[Tensor, Tensor]], times: float
    ) -> None:
        """Set the law from features (…, features) and counts (…, neurons), some at a time.

        Args:
            observation: whose readout it is of.
            parts: of the training trials.
            times: what each part counts, such as 1 / paths where trials come once for each path.
        """
        information = torch.zeros_like(self.root, dtype=torch.float64)
        for features, counts in parts:
            weight = times * information_of(observation, features, counts)
            rows, each = _with_one(features).flatten(0, -2).double(), weight.flatten(0, -2).double()
            for neuron, own in enumerate(each.unbind(-1)):
                information[neuron] += rows.T @ (own[:, None] * rows)
        information += torch.diag_embed(1 / self._prior_var(observation).double())
        # H = C Cᵀ, so that C⁻ᵀ is a root of H⁻¹
        inverse = torch.linalg.inv(torch.linalg.cholesky(information))
        self.root.copy_(inverse.mT)

    def deviation(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw each neuron's readout anew: what that adds to its values, (…, neurons)."""
        noise = self.root.new_empty(*self.root.shape[:2]).normal_(generator=generator)
        weights = (self.root @ noise[..., None])[..., 0]
        return _with_one(features) @ weights.T

    def mean(self, observation: nn.Module, features: Tensor, generator: torch.Generator) -> Tensor:
        """Expected counts by readouts drawn anew, (…, neurons)."""
        assert isinstance(observation, CountObservation)
        return observation.mean_of(
            observation.readout(features) + self.deviation(features, generator)
        )

    def _prior_var(self, observation: CountObservation) -> Tensor:
        """Of each weight, (neurons, features + 1): none of those a neuron does not read."""
        width = self.root.shape[1] - 1
        ends = torch.cat([torch.eye(width), torch.zeros(1, width)]).to(self.root)
        values = observation.readout(ends)
        weights = (values[:-1] - values[-1]).T
        square = weights.square()
        var = (square.sum() / (square > 0).sum().clamp(min=1)).clamp(min=LEAST_PRIOR_VAR)
        own = torch.where(square > 0, var, 1e-12)
        return torch.cat([own, torch.ones_like(own[:, :1])], 1)


def information_of(observation: CountObservation, features: Tensor, counts: Tensor) -> Tensor:
    """Expected Fisher information of each readout value, (…, neurons); 0 where no count is."""
    with torch.enable_grad():
        values = observation.readout(features).detach().requires_grad_()
        mean = observation.mean_of(values)
        (slope,) = torch.autograd.grad(mean.sum(), values)
    var = mean.detach()
    if isinstance(observation, NegativeBinomialObservation):
        var = var + observation.dispersion.detach() * var.square()
    return torch.where(counts.isnan(), 0.0, slope.square() / var)


def _with_one(features: Tensor) -> Tensor:
    return torch.cat([features, torch.ones_like(features[..., :1])], -1)
