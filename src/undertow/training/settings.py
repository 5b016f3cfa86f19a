"""`Training`: the options of the training loop."""

import math
from dataclasses import dataclass, fields
from typing import Literal

from undertow.errors import ModelError

PLATEAU_FACTOR, PLATEAU_EPOCHS = 0.95, 10


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes:
        epochs: passes over the training trials.
        batch_size: trials per step, at most.
        learning_rate: peak step size of AdamW, reached after `warmup_epochs`.
        schedule: what follows the warm-up: 'cosine' (half a cosine, down to 1 %) or 'plateau'
            (times 0.95 after each 10 epochs without a lower training loss, down to 1e-5).
        warmup_epochs: epochs of linear warm-up.
        weight_decay: AdamW's decoupled decay, on matrices only.
        weight_decay_warmup_epochs: epochs over which the decay rises linearly to that.
        clip_norm: gradients are scaled down to this norm (nats per trial).
        average_decay: decay per step of the running weight average that is validated and kept; 0
            for none.
        validate_every: epochs between validations.
        patience: epochs without a better validation score after which training stops; None for
            never.
        monitor: what validation measures: 'co-bps' (held-out neurons), 'likelihood' (bits per spike
            of hidden held-in counts) or 'auto' (co-bps where neurons are held out).
        keep: which weights are kept: those of the epoch that validated 'best', or the 'last' ones,
            for schedules that do not overfit; the validation score is then that of the last epoch.
        refit: train again, on training and validation trials together, up to the epoch that was
            kept; with keep='last' nothing is chosen, and the one training is on all trials, without
            a validation score.
        max_seconds: stop after so many seconds; the schedules are compressed to fit. Such a run
            cannot be repeated bit by bit. None for no limit.
        retries: how often a non-finite loss is rolled back and tried again with half the step size.
        checkpoint_seconds: least time between two checkpoints.
    """

    epochs: int = 200
    batch_size: int = 64
    learning_rate: float = 3e-3
    schedule: Literal["cosine", "plateau"] = "cosine"
    warmup_epochs: int = 10
    weight_decay: float = 1e-2
    weight_decay_warmup_epochs: int = 0
    clip_norm: float = 100.0
    average_decay: float = 0.99
    validate_every: int = 10
    patience: int | None = None
    monitor: Literal["auto", "co-bps", "likelihood"] = "auto"
    keep: Literal["best", "last"] = "best"
    refit: bool = False
    max_seconds: float | None = None
    retries: int = 4
    checkpoint_seconds: float = 5.0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "validate_every"):
            value = getattr(self, name)
            self._require(name, value >= 1 and value % 1 == 0, "a whole number, at least 1")
        for name in ("learning_rate", "clip_norm"):
            self._require(name, getattr(self, name) > 0, "above zero")
        for name in (
            "warmup_epochs",
            "weight_decay",
            "weight_decay_warmup_epochs",
            "retries",
            "checkpoint_seconds",
        ):
            self._require(name, getattr(self, name) >= 0, "zero or more")
        for name in ("patience", "max_seconds"):
            self._require(
                name, getattr(self, name) is None or getattr(self, name) > 0, "above zero, or None"
            )
        self._require("schedule", self.schedule in ("cosine", "plateau"), "'cosine' or 'plateau'")
        self._require(
            "average_decay", 0 <= self.average_decay < 1, "from 0 up to, not including, 1"
        )
        self._require(
            "monitor",
            self.monitor in ("auto", "co-bps", "likelihood"),
            "'auto', 'co-bps' or 'likelihood'",
        )
        self._require("keep", self.keep in ("best", "last"), "'best' or 'last'")
        self._require(
            "refit",
            not (self.refit and self.max_seconds is not None),
            "False under training.max_seconds",
        )

    def _require(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise ModelError(f"training.{name} is {getattr(self, name)!r}: it must be {rule}.")

    def learning_rate_at(self, progress: float, epoch: int, reductions: int = 0) -> float:
        """Step size at a share `progress` of the run, after so many `reductions` on a plateau."""
        warm = min(1.0, (epoch + 1) / (self.warmup_epochs + 1))
        if self.schedule == "plateau":
            return warm * max(
                self.learning_rate * PLATEAU_FACTOR**reductions, min(1e-5, self.learning_rate)
            )
        return (
            self.learning_rate
            * warm
            * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
        )

    def weight_decay_at(self, epoch: int) -> float:
        """Weight decay in an epoch."""
        warmup = self.weight_decay_warmup_epochs
        return self.weight_decay * (min(1.0, epoch / warmup) if warmup else 1.0)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The option names."""
        return tuple(f.name for f in fields(cls))
