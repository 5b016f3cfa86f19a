"""Discrete behaviour in each bin: several channels, each with categories of its own."""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.errors import ModelError
from undertow.observations.base import BehaviorObservation
from undertow.observations.categorical import CategoricalObservation


class CategoricalChannels(BehaviorObservation):
    """Channels b_c ~ Categorical(softmax(W_c x + a_c)) (ElGazzar & van Gerven eq. 12).

    Observed are the numbers that name the categories, (…, channels). NaN and a number that names
    none have no likelihood. The mean are the probabilities, (…, channels, categories), zero where a
    channel has fewer categories than another; `of_channels` takes them apart.

    Args:
        feature_dim: features per bin.
        categories: channel → the numbers that name its categories, at least two, each once.
        shares: channel → share of each in the data; see `CategoricalObservation`.

    Attributes:
        sizes: channel → the number of its categories.
        categories: the numbers that name them, (channels, categories), NaN where a channel has
            fewer.

    Raises:
        ModelError: naming the channel and the rule it breaks.
    """

    categories: Tensor

    def __init__(
        self,
        feature_dim: int,
        categories: Mapping[str, Sequence[float]],
        shares: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        super().__init__()
        for name, known in categories.items():
            if len(known) < 2 or len(set(known)) < len(known):
                raise ModelError(
                    f"behaviour {name!r} has the categories {list(known)}: a choice has at least "
                    "2, each once."
                )
        self.n_channels = len(categories)
        self.sizes = {name: len(known) for name, known in categories.items()}
        self.channels = nn.ModuleList(
            CategoricalObservation(
                feature_dim, size, shares=None if shares is None else shares[name]
            )
            for name, size in self.sizes.items()
        )
        most = max(self.sizes.values(), default=0)
        padded = [[*known, *[torch.nan] * (most - len(known))] for known in categories.values()]
        self.register_buffer("categories", torch.tensor(padded))

    def of_channels(self, stacked: Tensor) -> dict[str, Tensor]:
        """Split `mean` or `categories` by channel, channel → (…, its categories)."""
        return {name: stacked[..., k, :size] for k, (name, size) in enumerate(self.sizes.items())}

    def mean(self, features: Tensor) -> Tensor:
        """Probability of each category, (…, channels, categories)."""
        return self._stacked([channel.mean(features) for channel in self._each()])

    def predicted(self, features: Tensor) -> Tensor:
        return self._named(self.mean(features).argmax(-1))

    def log_prob(self, features: Tensor, observed: Tensor) -> Tensor:
        return self.mean_and_log_prob(features, observed)[1]

    def mean_and_log_prob(self, features: Tensor, observed: Tensor) -> tuple[Tensor, Tensor]:
        both = [
            one.mean_and_log_prob(features, code)
            for one, code in zip(self._each(), self._codes(observed), strict=True)
        ]
        return self._stacked([mean for mean, _ in both]), torch.stack(
            [log_prob for _, log_prob in both], -1
        )

    def solve(self, features: Tensor, observed: Tensor, samples: Tensor | None = None) -> None:
        for one, code in zip(self._each(), self._codes(observed), strict=True):
            one.solve(features, code)

    def sample(self, features: Tensor, generator: torch.Generator) -> Tensor:
        """Draw the numbers that name categories, (…, channels)."""
        return self._named(
            torch.stack([one.sample(features, generator) for one in self._each()], -1).long()
        )

    def encoded(self, observed: Tensor) -> Tensor:
        """One-hot code of each channel's category; then 1 for each channel that is known."""
        is_category = self._is_category(observed)
        one_hot = torch.cat(list(self.of_channels(is_category).values()), -1)
        return torch.cat([one_hot, is_category.any(-1)], -1).to(observed.dtype)

    def _codes(self, observed: Tensor) -> tuple[Tensor, ...]:
        """Places of the categories observed on each channel, (…), NaN where none is."""
        is_category = self._is_category(observed)
        places = is_category.int().argmax(-1).to(torch.get_default_dtype())
        return places.masked_fill(~is_category.any(-1), torch.nan).unbind(-1)

    def _each(self) -> list[CategoricalObservation]:
        return [channel for channel in self.channels if isinstance(channel, CategoricalObservation)]

    def _is_category(self, observed: Tensor) -> Tensor:
        """Test which category each entry is, (…, channels, categories).

        An entry that is missing or unknown is none.
        """
        return observed[..., None] == self.categories

    def _named(self, codes: Tensor) -> Tensor:
        """Turn places of categories into the numbers that name them, (…, channels)."""
        return self.categories.expand(*codes.shape, -1).gather(-1, codes[..., None])[..., 0]

    def _stacked(self, probabilities: list[Tensor]) -> Tensor:
        most = self.categories.shape[1]
        return torch.stack([F.pad(each, (0, most - each.shape[-1])) for each in probabilities], -2)
