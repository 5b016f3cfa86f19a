"""A tiny network in training, and the same as a program that tests kill: `python -m
tests.training.tiny FOLDER`."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from undertow.data import TrialSet
from undertow.data.batches import Batch
from undertow.encoders import Dropout
from undertow.observations import poisson_log_prob
from undertow.training import Interrupted, Training, train

NEURONS = 6
LONG = Training(epochs=80, batch_size=8, validate_every=5, checkpoint_seconds=0.0)

Objective = Callable[[Batch, torch.Generator, float], tuple[Tensor, dict[str, Tensor]]]


def tiny_batch(seed: int = 0) -> Batch:
    spikes = np.random.default_rng(seed).poisson(1.0, (20, 8, NEURONS))
    return Batch.from_trials(TrialSet(spikes, 0.02))


def tiny_network(seed: int = 0) -> nn.Module:
    """With dropout, which draws from the epoch's generator."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(NEURONS, 8), nn.Tanh(), Dropout(0.3), nn.Linear(8, NEURONS))


def tiny_objective(network: nn.Module) -> Objective:
    """Poisson likelihood of the noisy network, and a penalty that grows with progress."""

    def objective(
        batch: Batch, generator: torch.Generator, progress: float
    ) -> tuple[Tensor, dict[str, Tensor]]:
        noise = 0.1 * torch.randn(batch.inputs.shape, generator=generator)
        log_mean = network(batch.inputs + noise)
        terms = {
            "negative_log_likelihood": -poisson_log_prob(log_mean, batch.targets).sum()
            / len(batch),
            "penalty": progress * log_mean.square().sum() / len(batch),
        }
        return sum(terms.values(), torch.zeros(())), terms

    return objective


def tiny_validate(network: nn.Module) -> float:
    held = tiny_batch(seed=1)
    with torch.no_grad():
        return float(poisson_log_prob(network(held.inputs), held.targets).mean())


def run(
    settings: Training = LONG, folder: Path | None = None, resume: bool = False
) -> dict[str, Tensor]:
    """The final weights."""
    network = tiny_network()
    train(
        network, tiny_batch(), tiny_objective(network), tiny_validate, settings, 3, folder, resume
    )
    return network.state_dict()


class Scripted:
    """A validation that gives these scores and remembers the weights it saw."""

    def __init__(self, *scores: float) -> None:
        self.scores, self.seen = iter(scores), list[dict[str, Tensor]]()

    def __call__(self, network: nn.Module) -> float:
        self.seen.append({k: v.clone() for k, v in network.state_dict().items()})
        return next(self.scores)


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def train_scripted(
    settings: Training, *scores: float
) -> tuple[nn.Module, Scripted, list[dict[str, float]]]:
    network, validate = tiny_network(), Scripted(*scores)
    history = train(network, tiny_batch(), tiny_objective(network), validate, settings)
    return network, validate, history


def main(folder: Path) -> None:
    """Say 'validated' at each validation; stand still at the last, so that a signal always finds a
    run."""
    # a parent in the background has it ignored
    signal.signal(signal.SIGINT, signal.default_int_handler)
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    network = tiny_network()

    def say(row: dict[str, float], share: float, left: float) -> None:
        print("validated" if share < 1 else "the last", flush=True)
        if share >= 1:
            sys.stdin.readline()

    objective = tiny_objective(network)
    try:
        train(network, tiny_batch(), objective, tiny_validate, LONG, 3, folder, True, say)
    except Interrupted:
        print("interrupted", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
