"""Small networks, one per region, each reading the latent units of its own region."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from undertow.decoders.base import Decoder
from undertow.decoders.blocks import BlockLinear
from undertow.encoders import Dropout
from undertow.errors import ModelError


class RegionalDecoder(Decoder):
    """Softplus features of x^j for each region j, which are the hidden layer of λ^j.

    ElGazzar & van Gerven eq. 10. The features of all regions stand side by side, in the order of
    `regions`. The output layer of λ^j is the observation model's, which takes them apart again: in
    `PoissonObservation(..., region=…)` each neuron reads its region's features alone, in whatever
    order neurons come. One group that reads all units is the shared state.

    Args:
        n_inputs: inputs per bin: the dynamics' `units`, flattened.
        regions: the latent units each region reads, as indices or a slice; regions may share units.
        numbers_per_unit: inputs per unit (2 for an oscillator).
        hidden_dim: features per region.
        dropout: probability of dropping a feature.

    Raises:
        ModelError: naming the region and the rule it breaks.
    """

    causal = True

    def __init__(
        self,
        n_inputs: int,
        regions: Sequence[Sequence[int] | slice] = (slice(None),),
        numbers_per_unit: int = 1,
        hidden_dim: int = 128,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if numbers_per_unit < 1 or n_inputs % numbers_per_unit:
            raise ModelError(
                f"{n_inputs} decoder inputs are no whole number of units of {numbers_per_unit} "
                "numbers."
            )
        units = n_inputs // numbers_per_unit
        reads = [
            [
                unit * numbers_per_unit + k
                for unit in _indices(j, region, units)
                for k in range(numbers_per_unit)
            ]
            for j, region in enumerate(regions)
        ]
        writes = [range(j * hidden_dim, (j + 1) * hidden_dim) for j in range(len(reads))]
        self.feature_dim = hidden_dim * len(reads)
        self.hidden = BlockLinear(reads, writes)
        self.dropout = Dropout(dropout)

    def forward(self, inputs: Tensor, valid: Tensor, time_s: Tensor) -> Tensor:
        features: Tensor = self.dropout(F.softplus(self.hidden(inputs)))
        return features


def _indices(region: int, units: Sequence[int] | slice, n_units: int) -> list[int]:
    """Return the units of a region as indices."""
    indices = list(range(n_units)[units]) if isinstance(units, slice) else [int(k) for k in units]
    if (
        not indices
        or not all(0 <= k < n_units for k in indices)
        or len(set(indices)) < len(indices)
    ):
        raise ModelError(
            f"region {region} reads units {units!r}: give each region at least one of the "
            f"{n_units} units, none twice."
        )
    return indices
