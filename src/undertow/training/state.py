"""`TrainingState`: everything a run needs to continue exactly where it was.

The same state serves rollback, Ctrl-C and resume.
"""

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from undertow.errors import ModelError
from undertow.names import printable
from undertow.schema import record
from undertow.training.history import broken_history
from undertow.training.settings import MOST, PLATEAU_EPOCHS, Training


@dataclass
class Counters:
    """Part of the training state that is plain numbers (JSON in a checkpoint)."""

    epoch: int = 0
    elapsed_s: float = 0.0
    best_score: float = -math.inf
    best_epoch: int = -1
    failures: int = 0
    gave_up: bool = False
    lowest_loss: float = math.inf
    lowest_epoch: int = 0
    reductions: int = 0
    history: list[dict[str, int | float]] = field(default_factory=list)

    def broken(self) -> str:
        """Say which counter holds what training never makes; empty for none."""
        counts = (self.epoch, self.failures, self.reductions, self.lowest_epoch)
        if min(counts) < 0 or max(counts) > MOST or not -1 <= self.best_epoch <= MOST:
            return "it counts epochs that training never counts"
        return "" if 0 <= self.elapsed_s < MOST else "its seconds are none"


class TrainingState:
    """A network in training with its running average, best weights, optimiser and counters.

    Randomness has no state of its own. Each epoch draws from generators seeded by (seed, epoch,
    failures so far), the order of the batches included, so that an epoch repeated after a resume is
    the same epoch.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: Training,
        seed: int,
        last_epoch: int | None = None,
        groups: Mapping[str, Sequence[nn.Parameter]] | None = None,
    ) -> None:
        assert settings.epochs is not None, "a budget in steps is planned first"
        self.network, self.settings, self.seed = network, settings, seed
        self.epochs, self.last_epoch = settings.epochs, last_epoch or settings.epochs
        self.averaged = copy.deepcopy(network).eval()
        self.best = {k: v.clone() for k, v in network.state_dict().items()}
        self.optimizer = torch.optim.AdamW(
            list(_parameter_groups(network, settings, groups or {})),
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            fused=True,
        )
        self.counters = Counters()

    @property
    def progress(self) -> float:
        """Share of the run that is done, by epochs or by the clock, whichever is further."""
        by_clock = (
            0.0
            if self.settings.max_seconds is None
            else self.counters.elapsed_s / self.settings.max_seconds
        )
        return max(self.counters.epoch / self.epochs, by_clock)

    @property
    def share_done(self) -> float:
        """Share done of a run that may end before its schedules do; 1 when it has ended."""
        return 1.0 if self.finished else max(self.progress, self.counters.epoch / self.last_epoch)

    @property
    def finished(self) -> bool:
        c, patience = self.counters, self.settings.patience
        tired = patience is not None and c.best_epoch >= 0 and c.epoch - c.best_epoch >= patience
        return self.progress >= 1 or c.epoch >= self.last_epoch or c.gave_up or tired

    def epoch_seed(self) -> int:
        """Seed of the coming epoch."""
        # failures are part of it: a retried epoch must not draw again the noise that broke it
        sequence = np.random.SeedSequence([self.seed, self.counters.epoch, self.counters.failures])
        return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))

    def set_learning_rate(self) -> float:
        """Set and return the step size of the coming epoch."""
        c, settings = self.counters, self.settings
        # each failure halves the step for the rest of the run, not for one epoch
        rate = settings.learning_rate_at(self.progress, c.epoch, c.reductions) * 0.5**c.failures
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["times"]
            if group["decays"]:
                group["weight_decay"] = settings.weight_decay_at(c.epoch)
        return rate

    def note_loss(self, loss: float) -> None:
        """Count a reduction of the step size after a plateau of the training loss."""
        c = self.counters
        if loss < c.lowest_loss:
            c.lowest_loss, c.lowest_epoch = loss, c.epoch
        elif c.epoch - c.lowest_epoch > PLATEAU_EPOCHS:
            c.reductions, c.lowest_epoch = c.reductions + 1, c.epoch

    @torch.no_grad()
    def average_weights(self) -> None:
        """Move the running average; a young average moves faster, so that it forgets its start."""
        steps = self._steps_taken()
        decay = min(self.settings.average_decay, steps / (steps + 10))
        for mean, new in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            if new.requires_grad:  # a constant may be the logarithm of zero, which has no average
                mean.lerp_(new, 1 - decay)

    def _steps_taken(self) -> float:
        states = self.optimizer.state.values()
        return float(next(iter(states))["step"]) if states else 0.0

    def keep_if_best(self, score: float) -> None:
        """Remember the averaged weights where they score best so far.

        With keep='last' they are always remembered.
        """
        if score > self.counters.best_score or self.settings.keep == "last":
            self.counters.best_score, self.counters.best_epoch = score, self.counters.epoch
            self.keep()

    def keep(self) -> None:
        """Remember the averaged weights."""
        self.best = {k: v.clone() for k, v in self.averaged.state_dict().items()}

    def tensors(self) -> dict[str, Tensor]:
        """Copy all tensors, by flat name."""
        flat = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        flat |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        flat |= {f"best.{k}": v for k, v in self.best.items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            flat |= {f"optimizer.{index}.{k}": v for k, v in values.items()}
        return {k: v.detach().clone().contiguous() for k, v in flat.items()}

    def numbers(self) -> dict[str, Any]:
        """Copy all counters."""
        return asdict(self.counters)

    def misfit(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> str:
        """Say why a checkpoint is none of this network; empty where it is one."""
        try:
            counters = record(Counters, numbers, "its header")
        except ModelError as error:
            return str(error).rstrip(".")
        if why := broken_history(counters.history) or counters.broken():
            return why
        states = {"network.": self.network.state_dict(), "averaged.": self.averaged.state_dict()}
        states |= {"best.": self.best}
        wanted = {part + k: v.shape for part, held in states.items() for k, v in held.items()}
        learned = {name for name, _ in self.network.named_parameters()}
        # no moments before the first step, and never of weights that the loss does not depend on
        begun = {name.rpartition(".")[0] for name in tensors}
        moments = self._moments()
        wanted |= {name: p.shape for name, p in moments if name.rpartition(".")[0] in begun}
        for name in {**wanted, **tensors}:
            if name not in tensors or name not in wanted:
                return f"{printable(name)} is {'missing' if name in wanted else 'unknown'}"
            if tensors[name].shape != wanted[name]:
                return f"{name} has another shape"
            if name.partition(".")[2] in learned and tensors[name].isnan().any():
                return f"{name} holds NaN"
        return ""

    def _moments(self) -> Iterator[tuple[str, Tensor]]:
        """Names of what the optimiser keeps of each of its parameters, with one like it."""
        held = [p for group in self.optimizer.param_groups for p in group["params"]]
        for index, parameter in enumerate(held):
            yield f"optimizer.{index}.step", torch.zeros(())
            for key in ("exp_avg", "exp_avg_sq"):
                yield f"optimizer.{index}.{key}", parameter

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go back to what `tensors()` and `numbers()` returned."""

        def part(name: str) -> dict[str, Tensor]:
            return {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}

        self.network.load_state_dict(part("network."))
        self.averaged.load_state_dict(part("averaged."))
        self.best = {k: v.clone() for k, v in part("best.").items()}
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in part("optimizer.").items():
            index, key = name.split(".", 1)
            moments.setdefault(int(index), {})[key] = value.clone()
        # only moments are restored: step size and decay are set anew at the start of each epoch
        state = self.optimizer.state_dict()
        self.optimizer.load_state_dict({"state": moments, "param_groups": state["param_groups"]})
        self.counters = Counters(**copy.deepcopy(numbers))


def _parameter_groups(
    network: nn.Module, settings: Training, named: Mapping[str, Sequence[nn.Parameter]]
) -> Iterator[dict[str, Any]]:
    """Sort the learned weights by step size and decay; those in no named group come last."""
    times = {id(p): getattr(settings, f"{name}_rate") for name, own in named.items() for p in own}
    learned = [p for p in network.parameters() if p.requires_grad]
    for rate in dict.fromkeys([*times.values(), 1.0]):
        own = [p for p in learned if times.get(id(p), 1.0) == rate]
        # decay shrinks weights only: biases, scales and rates have no reason to be near zero
        matrices, others = [p for p in own if p.ndim > 1], [p for p in own if p.ndim <= 1]
        for params, decay in ((matrices, settings.weight_decay), (others, 0.0)):
            if params:
                yield {
                    "params": params,
                    "weight_decay": decay,
                    "decays": params is matrices,
                    "times": rate,
                }
