"""Learning where generation starts, for a posterior that is not simulated."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from undertow.data.batches import Batch
from undertow.models.latent_sde.matching import Laws, thinned
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Encoded


def start_score(
    network: LatentSDENetwork,
    laws: Laws,
    batch: Batch,
    encoded: Encoded,
    generator: torch.Generator,
) -> Tensor:
    """Score the law that generation starts from by where the prior's own path then arrives.

    That path sees nothing but the window of the initial state, at whose end it is to have the law
    of the posterior given all observations: two paths x, x' and a state y from that law make the
    energy score ½ |x − y| + ½ |x' − y| − ½ |x − x'|, whose mean is least for the right law
    (Gneiting & Raftery 2007), in units of the spread of y. The law at the first bin itself would
    not do: what the window tells of its later bins must get into the start, since nothing else
    carries it on.
    Nothing but the law of the start learns from it.
    """
    last = (network.before_t0(batch).sum(1) - 1).clamp(min=0)
    window = torch.arange(int(last.max()) + 1, device=last.device).expand(len(batch), -1)
    with torch.no_grad():
        law = laws.at(last[:, None])
        wanted = law.at(torch.empty_like(law.mean).normal_(generator=generator))[:, 0]
        scale = (wanted - wanted.mean(0)).square().mean(0).sqrt().clamp(min=1e-3)
    shown, rows = thinned(batch, window), torch.arange(len(batch), device=last.device).repeat(2)
    inputs = None if encoded.inputs is None else encoded.inputs[:, : window.shape[1]].detach()
    seen = Encoded(encoded.context.detach(), encoded.initial, inputs)
    with _held_still(network.dynamics):
        drawn = network.draw(shown.take(rows), seen.take(rows), generator, generate=True)
    reached = drawn.states[torch.arange(len(rows), device=last.device), last.repeat(2)]
    first, second = (reached / scale).chunk(2)
    apart = _distance(first, wanted / scale) + _distance(second, wanted / scale)
    return 0.5 * (apart - _distance(first, second)).mean()


def _distance(a: Tensor, b: Tensor) -> Tensor:
    # a little more than zero under the root: at zero it has no slope
    return ((a - b).square().sum(-1) + 1e-12).sqrt()


@contextmanager
def _held_still(module: nn.Module) -> Iterator[None]:
    """Let no weight of a module get a gradient from what is computed meanwhile."""
    learned = [p for p in module.parameters() if p.requires_grad]
    for parameter in learned:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learned:
            parameter.requires_grad_(True)
