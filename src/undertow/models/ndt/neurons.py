"""What STNDT adds: attention over neurons, and the contrastive term."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from undertow.decoders import sinusoids
from undertow.encoders import Dropout

WAVES = 32
"""Sines and cosines of time that a neuron's time series is read with."""
TOKEN_WIDTH = 16
"""Units of a neuron's token."""


class NeuronAttention(nn.Module):
    """Attention weights of each neuron on all others, from their time series in a trial.

    A neuron's token is its time series, read with sines and cosines of time so that trials may
    have any length, beside a learned vector of its own; the paper adds sinusoids of the neuron's
    index, but neurons have no order.

    Args:
        n_neurons: number of neurons.
        dropout: probability of dropping a unit of a token.
    """

    def __init__(self, n_neurons: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.identity = nn.Parameter(torch.randn(n_neurons, TOKEN_WIDTH) / math.sqrt(TOKEN_WIDTH))
        self.series = nn.Linear(WAVES, TOKEN_WIDTH, bias=False)
        self.norm, self.dropout = nn.LayerNorm(TOKEN_WIDTH), Dropout(dropout)
        self.query_key = nn.Linear(TOKEN_WIDTH, 2 * TOKEN_WIDTH)
        # at its start a neuron's weight on itself is about a half
        self.own = nn.Parameter(torch.tensor(math.log(max(n_neurons - 1, 1))))

    def forward(self, counts: Tensor, observed: Tensor, time_s: Tensor) -> Tensor:
        """Compute the weights, (trials, neurons, neurons); each row adds up to 1.

        Args:
            counts: (trials, time, neurons), zero where not observed.
            observed: (trials, time).
            time_s: bin centres in seconds, (time,).
        """
        waves = sinusoids(time_s, WAVES, counts.dtype)
        series = counts.mT @ waves / observed.sum(1).clamp(min=1)[:, None, None].sqrt()
        tokens = self.dropout(self.norm(self.identity + self.series(series)))
        query, key = self.query_key(tokens).chunk(2, -1)
        scores = (query / math.sqrt(TOKEN_WIDTH)) @ key.mT
        scores.diagonal(dim1=1, dim2=2).add_(self.own)
        return scores.softmax(-1)


def nt_xent(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Normalised, temperature-scaled cross entropy between two views (Chen et al. 2020), in nats.

    Each view must be told apart from all other trials' views by its cosine with the other view of
    its own trial; mean over both views of all trials.

    Args:
        one, other: views, (trials, features).
        temperature: of the cosines.
    """
    views = F.normalize(torch.cat([one, other]), dim=1)
    own = torch.eye(len(views), dtype=torch.bool, device=views.device)
    scores = (views @ views.T / temperature).masked_fill(own, -math.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(one))
    return F.cross_entropy(scores, partner)
