"""What the speed scripts share: synthetic counts of two recordings' sizes, a training step, timing
in turns."""

import statistics
from collections.abc import Callable, Mapping

import numpy as np
import torch

from undertow import TrialSet
from undertow.data.batches import Batch
from undertow.encoders import dropout_from
from undertow.models.langevin_flow.network import LangevinNetwork
from undertow.training import Training, TrainingState

Size = tuple[int, int, int, int, int]
SIZES: dict[str, Size] = {"maze_reach": (103, 25, 0, 162, 122), "mc_maze": (1721, 35, 10, 182, 137)}
"""Trials, bins of the window, forward bins, neurons, and those of them that are given."""

Job = Callable[[], object]


def poisson_trials(size: Size, seed: int) -> TrialSet:
    """Poisson counts in 20 ms bins, 5 spikes/s everywhere."""
    trials, window, forward, neurons, heldin = size
    counts = np.random.default_rng(seed).poisson(0.1, (trials, window + forward, neurons))
    return TrialSet(counts, 0.02, heldout=np.arange(neurons) >= heldin, forward_bins=forward)


def stepper(network: LangevinNetwork, batch: Batch, seed: int) -> Job:
    """One training step on the whole batch: loss, backward pass, clipping, AdamW, weight
    average."""
    state = TrainingState(network, Training().planned(len(batch)), seed)
    generator = torch.Generator().manual_seed(seed)

    def step() -> None:
        network.train()
        with dropout_from(network, generator):
            loss, _ = network.loss(batch, generator, 0.05, 0.5)
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 100.0)
        state.optimizer.step()
        state.average_weights()

    return step


def in_turns(jobs: Mapping[str, Job], repeats: int, clock: Callable[[], float]) -> dict[str, float]:
    """Median seconds of each job, taking turns; the first turn does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in jobs}
    for turn in range(repeats + 1):
        for name, job in jobs.items():
            start = clock()
            job()
            seconds[name] += [clock() - start] if turn else []
    return {name: statistics.median(values) for name, values in seconds.items()}
