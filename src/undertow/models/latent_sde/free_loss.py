"""The bound of a `LatentSDENetwork` on sampled times: no path is simulated.

Bartosh et al. (2025), SDE Matching: a step of training costs as much as its sampled times, whatever
the number of bins, beside the encoder.
"""

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.encoders import Strides
from undertow.inference import InitialLaw
from undertow.models.latent_sde.matching import Laws, Moments, thinned
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded, negative_bound
from undertow.models.latent_sde.starting import start_score


def draw_moments(
    laws: Laws, start: InitialLaw, batch: Batch, moments: Moments, generator: torch.Generator
) -> Drawn:
    """Draw a state in each of the bins, every one on its own, and price the path."""
    law = laws.at(moments.bins)
    states = law.at(torch.empty_like(law.mean).normal_(generator=generator))
    return Drawn(
        states,
        laws.dynamics.units(states),
        start.kl,
        laws.price(batch, moments, generator),
        # states of different bins have no joint law here: there is no ratio of paths
        start.mean.new_full((len(batch),), torch.nan),
    )


def free_loss(
    network: LatentSDENetwork, batch: Batch, generator: torch.Generator, kl_weight: float
) -> tuple[Tensor, dict[str, Tensor]]:
    """Estimate the negative evidence bound in nats per trial, and its terms, on sampled times.

    −(n/K) Σ log p(y_k | x_k) + KL(q(x₀) ‖ N(0, I)) + ½ ∫ |σ⁻¹ (ν − μ)|² ds is unbiased. Beside it
    the law that generation starts from learns what it can; see `start_score`.
    """
    # the start is to be inferred from what generation will see
    shown = network.shown(batch, generator)
    encoded = network.encode(batch, *shown, generating=True, spread=False)
    n_time = batch.targets.shape[1]
    laws = network.laws(encoded, Strides(batch.lengths, n_time, network.encoder.stride))
    assert laws is not None
    start, count = laws.start(), min(laws.posterior.sampled_times, n_time)
    moments = Moments.sampled(batch.lengths, count, encoded.context, generator)
    drawn = draw_moments(laws, start, batch, moments, generator)
    likelihoods = {
        # a label is one a trial: it is read from the mean over the bins that were drawn
        name: value if name in network.labels else moments.weight[:, 0] * value
        for name, value in network.log_likelihoods(thinned(batch, moments.bins), drawn).items()
    }
    loss, terms = negative_bound(drawn, likelihoods, network.weigh(likelihoods), kl_weight)
    if network.initial is None or encoded.initial is None:
        return loss, terms
    terms["start"] = start_score(network, laws, batch, encoded, generator)
    return loss + terms["start"], terms


def draw_at_once(
    network: LatentSDENetwork, batch: Batch, encoded: Encoded, generator: torch.Generator
) -> Drawn:
    """Draw a state in every bin from its marginal, all bins together; without marginals, a path."""
    laws = network.laws(encoded)
    if laws is None:
        return network.draw(batch, encoded, generator)
    bins = batch.targets.shape[1]
    moments = Moments.everywhere(batch.lengths, bins, encoded.context, generator)
    return draw_moments(laws, laws.start(), batch, moments, generator)
