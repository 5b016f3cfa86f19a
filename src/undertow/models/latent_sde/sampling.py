"""What-if trials: the prior of a fitted `LatentSDE` run from a start, under a stimulus.

Regions may be silenced.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.models.population import Population
from undertow.observations import Observation
from undertow.randomness import path_generator


@torch.no_grad()
def draw(
    network: LatentSDENetwork, window: Batch, start: Batch | None, held: Tensor | None, seed: int
) -> tuple[Batch, Drawn]:
    """Draw paths of the prior over `window`, from the first bins of `start` or from N(0, I).

    Path and observations have noise of their own, drawn alike whatever the stimulus, so that two
    calls with one seed differ by what was changed alone.
    """
    network.eval()
    initial = None if start is None else network.encode(start, generating=True).initial
    if initial is not None:
        rows = torch.arange(len(window), device=initial.device) % len(initial)
        initial = initial[rows]
    encoded = Encoded(window.inputs, initial, network.encode_stimulus(window))
    generator = path_generator(window.targets.device, seed, 0)
    return window, network.draw(window, encoded, generator, generate=True, held=held)


@torch.no_grad()
def observed(
    network: LatentSDENetwork,
    population: Population,
    drawn_over: tuple[Batch, Drawn],
    behavior: str,
    seed: int,
) -> dict[str, Any]:
    """Draw counts, behaviour and labels of given paths; return their true rates too."""
    batch, drawn = drawn_over
    read, device = drawn.units.flatten(-2), drawn.units.device
    features = network.features(batch, drawn)
    counts = network.observation.sample(features, path_generator(device, seed, 1))
    made: dict[str, Any] = {
        "spikes": counts.cpu().numpy(),
        "truth": (network.observation.mean(features) / network.bin_s).cpu().numpy(),
    }
    if network.behavior is not None:
        sampled = network.behavior.sample(read, path_generator(device, seed, 2))
        values = sampled if behavior == "drawn" else network.behavior.predicted(read)
        kind = "categorical" if population.behavior_categories else "continuous"
        names = tuple(population.behavior_names)
        made |= {"behavior": values.cpu().numpy(), "behavior_names": names, "behavior_kind": kind}
    labels = {}
    for k, (name, observation) in enumerate(network.labels.items()):
        assert isinstance(observation, Observation)
        pooled = observation.pool(read, batch.valid)
        codes = observation.sample(pooled, path_generator(device, seed, 3 + k))
        labels[name] = np.array(population.categories[name])[codes.long().cpu().numpy()]
    return made | {"labels": labels}
