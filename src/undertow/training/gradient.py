"""The gradient of one minibatch: of the whole, or shard by shard, here and in other processes."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor, nn

from undertow.encoders import dropout_from
from undertow.training.broken import NonFiniteError, check_terms
from undertow.training.together import RECOVERABLE, Processes

Objective = Callable[[Any, torch.Generator, float], tuple[Tensor, dict[str, Tensor]]]


class Minibatch(Protocol):
    """Trials of one step; a `Batch` is."""

    def __len__(self) -> int: ...

    def cut(self, parts: int) -> "list[Self]":
        """Parts of about the same number of trials, some of which may be empty."""


class Noise:
    """The generators of one epoch, one for each shard of the minibatches.

    Args:
        seed: of the epoch.
        shards: their number.
        device: of the noise.
    """

    def __init__(self, seed: int, shards: int, device: torch.device) -> None:
        seeds = [seed + 1]
        for k in range(1, shards):
            words = np.random.SeedSequence([seed, k]).generate_state(1, np.uint64)
            seeds.append(int(words[0] >> np.uint64(1)))
        self.generators = [torch.Generator(device).manual_seed(each) for each in seeds]

    @contextmanager
    def drawn_in(self, network: nn.Module, shard: int) -> Iterator[torch.Generator]:
        """The generator of a shard, which dropout draws from, too."""
        with dropout_from(network, self.generators[shard]):
            yield self.generators[shard]


def shard_gradient(
    network: nn.Module,
    minibatch: Minibatch,
    objective: Objective,
    noise: Noise,
    progress: float,
    when: str,
    processes: Processes,
) -> dict[str, float]:
    """Fill in the gradient of a minibatch, the mean over its trials, as the sum over its shards.

    Each shard draws noise of its own, so that the gradient does not depend on which process
    computes it.

    Args:
        network: whose gradients are none yet.
        minibatch: the same in all processes.
        objective: as in `train`; its loss and terms are means over trials.
        noise: of the epoch; as many generators as there are shards.
        progress: of the training.
        when: for messages.
        processes: that train together.

    Returns:
        Loss and terms, as far as they were computed here: their sum over processes is the mean
        over the minibatch.

    Raises:
        NonFiniteError: in all processes, where the loss or the gradient of one breaks.
    """
    sums, broken = {"loss": 0.0}, ""
    try:
        parts = minibatch.cut(len(noise.generators))
        for k in processes.own(len(noise.generators)):
            if not len(parts[k]):
                continue
            share = len(parts[k]) / len(minibatch)
            with noise.drawn_in(network, k) as generator:
                loss, terms = objective(parts[k], generator, progress)
            check_terms(loss, terms, when)
            (share * loss).backward()
            for name, value in {"loss": loss, **terms}.items():
                sums[name] = sums.get(name, 0.0) + share * float(value.detach())
    except RECOVERABLE as error:
        if processes.count == 1:
            raise
        broken, sums["loss"] = str(error), math.nan
    if processes.count > 1:
        loss_of_all = _add_up(network, sums["loss"], processes)
        if not math.isfinite(loss_of_all):
            raise NonFiniteError(broken or f"the loss of another process is not finite {when}")
    return sums


def _add_up(network: nn.Module, loss: float, processes: Processes) -> float:
    """Sum gradients over processes, in place; the sum of their losses."""
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    like = learned[0]
    grads = [torch.zeros_like(w) if w.grad is None else w.grad for w in learned]
    # what no process has a gradient of must stay without: the optimiser leaves it as it is
    known = torch.tensor([float(w.grad is not None) for w in learned]).to(like)
    flat = torch.cat([*(g.reshape(-1) for g in grads), known, torch.tensor([loss]).to(like)])
    total = processes.add(flat)
    held, known = total[: -len(learned) - 1], total[-len(learned) - 1 : -1]
    for weight, part, having in zip(
        learned, held.split([w.numel() for w in learned]), known.tolist(), strict=True
    ):
        weight.grad = part.view_as(weight) if having else None
    return float(total[-1])
