"""Discrete behaviour: a choice or an outcome out of several categories."""

from collections.abc import Sequence
from typing import get_args

import torch
from torch import Tensor, nn

from undertow.checks import one_of, whole
from undertow.errors import ModelError
from undertow.observations.base import Observation, Per
from undertow.observations.closed_form import softmax_regression


class CategoricalObservation(Observation):
    """Categorical law b ~ Categorical(softmax(W x + a)) (ElGazzar & van Gerven eq. 12).

    Observed are the categories' numbers 0, 1, …, one entry per bin (…, time) or per trial (…),
    without a last axis; the mean has one: the probabilities, (…, categories). Per trial,
    `Observation.pool` averages the features over the trial's valid bins, and with them the logits.

    Args:
        feature_dim: features per bin.
        n_categories: at least two.
        per: 'bin' or 'trial'.
        shares: share of each category in the data, where the probabilities start; equal by default.
            A category that does not occur starts as one that occurs once in a thousand.

    Raises:
        ModelError: naming the argument and the rule it breaks.
    """

    def __init__(
        self,
        feature_dim: int,
        n_categories: int,
        per: Per = "bin",
        shares: Sequence[float] | Tensor | None = None,
    ) -> None:
        super().__init__()
        whole("n_categories", n_categories, 2)
        start = (
            torch.ones(n_categories)
            if shares is None
            else torch.as_tensor(shares, dtype=torch.float32)
        )
        if start.shape != (n_categories,) or not (start >= 0).all() or not start.sum() > 0:
            raise ModelError(
                f"shares are {start.tolist()}: give one of at least 0 for each of {n_categories} "
                "categories."
            )
        self.per = one_of("per", per, get_args(Per))
        self.readout = nn.Linear(feature_dim, n_categories)
        with torch.no_grad():
            self.readout.weight.mul_(0.1)
            self.readout.bias.copy_((start / start.sum()).clamp(min=1e-3).log())

    def log_probabilities(self, features: Tensor) -> Tensor:
        """Logarithm of `mean`, (…, categories)."""
        return torch.log_softmax(self.readout(features), -1)

    def mean(self, features: Tensor) -> Tensor:
        """Probability of each category, (…, categories)."""
        return self.log_probabilities(features).exp()

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return self._of_category(self.log_probabilities(features), observed)

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        log_probabilities = self.log_probabilities(features)
        return log_probabilities.exp(), self._of_category(log_probabilities, observed)

    @staticmethod
    def _of_category(log_probabilities: Tensor, observed: Tensor) -> Tensor:
        """Pick the log-probability of the category observed; zero where none is."""
        missing = observed.isnan()
        category = observed.masked_fill(missing, 0.0).long()
        return log_probabilities.gather(-1, category[..., None])[..., 0].masked_fill(missing, 0.0)

    @torch.no_grad()
    def solve(self, features: Tensor, observed: Tensor) -> None:
        """Set the readout to the one that fits best, its penalty chosen by leaving out trials.

        Args:
            features: (trials, …, features), per trial those of `pool`.
            observed: numbers of categories, (trials, …), NaN where missing.
        """
        found = softmax_regression(features, observed, len(self.readout.bias))
        if found is not None:
            self.readout.weight.copy_(found[0])
            self.readout.bias.copy_(found[1])

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw numbers of categories, (…), in the features' dtype."""
        probabilities = self.mean(features)
        drawn = torch.multinomial(probabilities.flatten(0, -2), 1, generator=generator)
        return drawn.view(probabilities.shape[:-1]).to(features.dtype)
