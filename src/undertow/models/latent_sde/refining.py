"""Gradient steps on the posterior of each trial of a `LatentSDENetwork`, see `refine`."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from undertow.data.batches import Batch
from undertow.inference import PathLaw, evidence_bound, refine
from undertow.models.latent_sde.network import LatentSDENetwork
from undertow.models.latent_sde.paths import Drawn, Encoded
from undertow.models.latent_sde.seen import window_of

REFINING_PATHS, BOUND_PATHS = 4, 32
"""Paths of each trial in a gradient step, and in the bounds before and after."""


def refined(
    network: LatentSDENetwork,
    seen: Batch,
    encoded: Encoded,
    law: PathLaw,
    steps: int,
    generator: torch.Generator,
) -> tuple[PathLaw, dict[str, Tensor]]:
    """Refine start and control of each trial on all that is seen of it.

    Args:
        network: whose weights stay.
        seen, encoded: see `seen_of`.
        law: where to start.
        steps: gradient steps.
        generator: source of the paths' noise.

    Returns:
        the refined law, and 'amortised_bound' and 'refined_bound', (trials,) each.
    """
    reference = mean_path(network, law, generator)
    bound, noise_dim = SeenBound(network, seen), network.dynamics.noise_dim
    found = refine(law, reference, noise_dim, bound, steps, generator)
    return found.law, _bounds(found.before, found.after)


def refined_start(
    network: LatentSDENetwork,
    seen: Batch,
    encoded: Encoded,
    law: PathLaw,
    steps: int,
    generator: torch.Generator,
) -> tuple[PathLaw, dict[str, Tensor]]:
    """Refine the start of each trial on the window of the initial state alone; as `refined`."""
    window, known = window_of(network, seen, encoded)
    short = network.path_law(window, known, generate=True)
    bound, noise_dim = SeenBound(network, window), network.dynamics.noise_dim
    found = refine(short, None, noise_dim, bound, steps, generator)
    return replace(law, initial=found.law.initial), _bounds(found.before, found.after)


@dataclass(frozen=True)
class SeenBound:
    """Evidence bound of each trial, of what is seen of it.

    Attributes:
        network: whose bound.
        seen: the trials, as they are to be explained.
        weighed: with the weights that behaviour and labels have in training.
    """

    network: LatentSDENetwork
    seen: Batch
    weighed: bool = False

    def __call__(self, law: PathLaw, generator: torch.Generator) -> Tensor:
        """Average over paths of the law, more of them where no gradient is taken, (trials,)."""
        paths = REFINING_PATHS if torch.is_grad_enabled() else BOUND_PATHS
        network, rows = self.network, law.repeated(paths)
        path, log_ratio = rows.draw(network.dynamics, generator)
        units = network.dynamics.units(path.states)
        drawn = Drawn(path.states, units, rows.initial.kl, path.kl_path, log_ratio)
        index = torch.arange(len(law), device=units.device).repeat_interleave(paths)
        likelihoods = network.log_likelihoods(self.seen.take(index), drawn)
        if self.weighed:
            likelihood = network.weigh(likelihoods)
        else:
            likelihood = sum(likelihoods.values(), units.new_zeros(()))
        bound = evidence_bound(likelihood, drawn.kl_initial.sum(1), drawn.kl_path.sum(1))
        return bound.view(-1, paths).mean(1)


def mean_path(network: LatentSDENetwork, law: PathLaw, generator: torch.Generator) -> Tensor:
    """Mean state at the start of each step, (trials, steps, state_dim)."""
    rows = law.repeated(BOUND_PATHS)
    # every entry of the path, not those at observations alone
    rows = replace(rows, grid=rows.grid.every_entry())
    states = rows.draw(network.dynamics, generator)[0].states[:, :-1]
    return states.unflatten(0, (-1, BOUND_PATHS)).mean(1)


def _bounds(before: Tensor, after: Tensor) -> dict[str, Tensor]:
    return {"amortised_bound": before, "refined_bound": after}
