"""What the encoder may see of trials: all that a trial's own inference is to explain."""

from dataclasses import replace

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Encoded
from undertow.observations import Observation


def seen_of(network: LatentSDENetwork, batch: Batch, generate: bool, behavior_shown: bool) -> Batch:
    """Leave of the batch what the encoder may see.

    These are counts of held-in neurons in the bins it observes; in mode 'generate' those of the
    window alone; of behaviour nothing, unless it is shown; no labels.
    """
    bins = batch.observed & network.before_t0(batch) if generate else batch.observed
    targets = batch.targets.new_full(batch.targets.shape, torch.nan)
    targets[..., batch.heldin] = batch.targets[..., batch.heldin]
    targets = targets.masked_fill_(~bins[..., None], torch.nan)
    behavior = None
    if behavior_shown and not generate and batch.behavior is not None:
        behavior = batch.behavior.masked_fill(~bins[..., None], torch.nan)
    return replace(batch, targets=targets, behavior=behavior, labels={}, observed=bins)


def window_of(network: LatentSDENetwork, batch: Batch, encoded: Encoded) -> tuple[Batch, Encoded]:
    """Cut trials after the window of the initial state."""
    bins = max(int(network.before_t0(batch).sum(1).max()), 1)
    window = replace(
        batch,
        targets=batch.targets[:, :bins],
        observed=batch.observed[:, :bins],
        valid=batch.valid[:, :bins],
        lengths=batch.lengths.clamp(max=bins),
        time_s=batch.time_s[:bins],
        stimulus=_cut(batch.stimulus, bins),
        behavior=_cut(batch.behavior, bins),
        irregular_times_s=_cut(batch.irregular_times_s, bins),
    )
    inputs = _cut(encoded.inputs, bins)
    return window, replace(encoded, context=encoded.context[:, :bins], inputs=inputs)


def _cut(values: Tensor | None, bins: int) -> Tensor | None:
    return None if values is None else values[:, :bins]


class SeenLikelihood:
    """Log-likelihood of what is seen of a bin, given states of many particles of each trial.

    Args:
        network: whose decoder and observations are read.
        seen: see `seen_of`.
        steps_per_bin: entries of a path from one bin to the next.
    """

    def __init__(self, network: LatentSDENetwork, seen: Batch, steps_per_bin: int) -> None:
        self.network, self.seen, self.steps_per_bin = network, seen, steps_per_bin

    def __call__(self, k: int, x: Tensor) -> Tensor | None:
        """Of entry `k` of a path at states x (trials, particles, state_dim), (trials, particles).

        None where nothing is seen.
        """
        n, between = divmod(k, self.steps_per_bin)
        if between or not self.seen.observed[:, n].any():
            return None
        network, shape = self.network, x.shape[:2]
        units = network.dynamics.units(x).flatten(-2)
        # particles take the place of bins: the decoder reads each bin alone
        exist = torch.ones(shape, dtype=torch.bool, device=x.device)
        features = network.decoder(units, exist, x.new_zeros(shape[1]))
        found = _summed(network.observation, features, self.seen.targets[:, n])
        if self.seen.behavior is not None and network.behavior is not None:
            found = found + _summed(network.behavior, units, self.seen.behavior[:, n])
        return found


def _summed(observation: Observation, features: Tensor, observed: Tensor) -> Tensor:
    """Sum log-likelihoods over neurons or channels, the same observed for all particles."""
    many = observed[:, None].expand(-1, features.shape[1], -1)
    found: Tensor = observation.log_prob(features, many)
    return found.flatten(2).sum(-1)
