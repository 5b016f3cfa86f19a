"""`Training`: the options of the training loop."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from undertow import checks
from undertow.errors import ModelError
from undertow.options import Options

PLATEAU_FACTOR, PLATEAU_EPOCHS = 0.95, 10
MOST = 10**9
"""Of epochs, steps, trials in a batch and seconds: more is a slip."""
EPOCHS, FEWEST_EPOCHS, STEPS = 200, 50, 2000
"""Where neither epochs nor steps are given: so many epochs, or those that many steps make."""
VALIDATIONS = 40
"""Of a run whose `validate_every` is None."""
WARMUP_SHARE = 0.1
"""Most of a budget in steps that warming up may take."""
HIGHEST_RATE = 1e3
"""AdamW changes every weight by about the learning rate in a step."""


@dataclass(frozen=True)
class Training(Options):
    """Options for how a network is trained.

    The budget is a number of epochs or of optimiser steps: steps train few trials as long as many.
    Counts of epochs, steps, trials and seconds are at most 1e9.

    Attributes:
        epochs: passes over the training trials; None where `steps` are given. Where neither is, it
            is 200, or as many as 2,000 steps make, but at least 50.
        steps: optimiser steps in all, rounded up to whole epochs; None where `epochs` are given.
        batch_size: trials per step, at most.
        shards: parts that each minibatch is cut into, each with noise of its own; processes that
            train together compute some each, one process one after the other, in less memory.
        learning_rate: peak step size of AdamW, at most 1,000, reached after `warmup_epochs`.
        dynamics_rate, readout_rate: how many times that the step size of the dynamics' own numbers
            is (frequencies, rates, couplings, noise; not of networks in them), and that of the
            readouts (the last, linear maps to what is observed); at most 1,000.
        schedule: what follows the warm-up: 'cosine' (half a cosine, down to 1 %), 'plateau'
            (times 0.95 after each 10 epochs without a lower training loss, down to 1e-5) or
            'constant'.
        warmup_epochs: epochs of linear warm-up; of a budget in steps at most a tenth.
        weight_decay: AdamW's decoupled decay, at most 100, on matrices only.
        weight_decay_warmup_epochs: epochs over which the decay rises linearly to that.
        clip_norm: gradients are scaled down to this norm (nats per trial), at most 1e12.
        average_decay: decay per step of the running weight average that is validated and kept; 0
            for none.
        validate_every: epochs between validations; None for 40 validations in all.
        patience: epochs without a better validation score after which training stops; None for
            never.
        monitor: what validation measures, in bits per spike: 'co-bps' (held-out neurons),
            'likelihood' (hidden held-in counts; of a latent SDE its evidence bound), 'generate'
            (what a model that generates makes of each trial's start) or 'auto' (co-bps where
            neurons are held out, else the likelihood). A latent SDE adds what it predicts beside
            spikes, see `LatentSDE`.
        keep: which weights are kept: those of the epoch that validated 'best', or the 'last' ones,
            for schedules that do not overfit; the validation score is then that of the last epoch.
        refit: train again, on training and validation trials together, up to the epoch that was
            kept; with keep='last' nothing is chosen, and the one training is on all trials, without
            a validation score.
        recipes: names of the model's recipes that are raced on the validation trials before the
            training (`undertow.models.racing`), the first being preferred; none for no race.
        distill: share of the targets that are what the same model expects when it sees whole
            trials, which is fitted first; for causal models, of few trials above all. 0 for none.
        max_seconds: stop after so many seconds; the schedules are compressed to fit. Such a run
            cannot be repeated bit by bit. None for no limit.
        retries: how often, at most 100, a non-finite loss is rolled back and tried again with half
            the step size.
        checkpoint_seconds: least time between two checkpoints.
    """

    argument: ClassVar[str] = "training"
    alternatives: ClassVar[tuple[tuple[str, ...], ...]] = (
        ("epochs", "steps"),
        ("refit", "max_seconds"),
    )
    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 64
    shards: int = 1
    learning_rate: float = 3e-3
    dynamics_rate: float = 1.0
    readout_rate: float = 1.0
    schedule: Literal["cosine", "plateau", "constant"] = "cosine"
    warmup_epochs: int = 10
    weight_decay: float = 1e-2
    weight_decay_warmup_epochs: int = 0
    clip_norm: float = 100.0
    average_decay: float = 0.99
    validate_every: int | None = 10
    patience: int | None = None
    monitor: Literal["auto", "co-bps", "likelihood", "generate"] = "auto"
    keep: Literal["best", "last"] = "best"
    refit: bool = False
    recipes: tuple[str, ...] = ()
    distill: float = 0.0
    max_seconds: float | None = None
    retries: int = 4
    checkpoint_seconds: float = 5.0

    def check(self) -> None:
        if self.epochs is not None and self.steps is not None:
            raise ModelError(
                f"training.epochs is {self.epochs} and training.steps {self.steps}: a run has one "
                "budget, give one of the two."
            )
        for name in ("epochs", "steps", "batch_size", "shards", "validate_every"):
            if getattr(self, name) is not None or name in ("batch_size", "shards"):
                checks.whole(self.of(name), getattr(self, name), 1, MOST)
        if self.shards > self.batch_size:
            raise ModelError(
                f"training.shards is {self.shards}: a minibatch of {self.batch_size} trials "
                "(training.batch_size) has no more parts than trials."
            )
        rates = dict.fromkeys(("learning_rate", "dynamics_rate", "readout_rate"), HIGHEST_RATE)
        for name, most in (*rates.items(), ("clip_norm", 1e12)):
            checks.number(self.of(name), getattr(self, name), 0, most, above=True)
        for name in ("warmup_epochs", "weight_decay_warmup_epochs"):
            checks.whole(self.of(name), getattr(self, name), 0, MOST)
        checks.whole(self.of("retries"), self.retries, 0, 100)
        checks.number(self.of("weight_decay"), self.weight_decay, 0, 100)
        checks.number(self.of("checkpoint_seconds"), self.checkpoint_seconds, 0, MOST)
        for name in ("patience", "max_seconds"):
            if getattr(self, name) is not None:
                checks.number(self.of(name), getattr(self, name), 0, MOST, above=True)
        checks.share(self.of("average_decay"), self.average_decay)
        checks.number(self.of("distill"), self.distill, 0, 1)
        if self.recipes and (self.max_seconds is not None or self.keep == "last"):
            raise ModelError(
                "training.recipes are raced by epochs and by validation: leave "
                "training.max_seconds None and training.keep 'best', or race none."
            )
        if self.refit and self.max_seconds is not None:
            raise ModelError(
                "training.refit is True under training.max_seconds: a refit repeats so many "
                "epochs, not so many seconds; leave one of the two."
            )

    def epochs_of(self, trials: int) -> int:
        """Number of epochs that the budget is on so many trials."""
        steps_per_epoch = max(1, -(-trials // self.batch_size))
        if self.steps is not None:
            return -(-self.steps // steps_per_epoch)
        if self.epochs is not None:
            return self.epochs
        return max(FEWEST_EPOCHS, min(EPOCHS, STEPS // steps_per_epoch))

    def planned(self, trials: int) -> "Training":
        """Return the same training with its budget in epochs of so many trials."""
        epochs, warmup = self.epochs_of(trials), self.warmup_epochs
        if self.steps is not None:
            warmup = min(warmup, int(WARMUP_SHARE * epochs))
        every = self.validate_every or max(1, round(epochs / VALIDATIONS))
        return replace(self, steps=None, epochs=epochs, warmup_epochs=warmup, validate_every=every)

    def learning_rate_at(self, progress: float, epoch: int, reductions: int = 0) -> float:
        """Step size at a share `progress` of the run, after so many `reductions` on a plateau."""
        # by epochs even under `max_seconds`: Adam's moments need steps, not seconds, to settle
        warm = min(1.0, (epoch + 1) / (self.warmup_epochs + 1))
        if self.schedule == "constant":
            return warm * self.learning_rate
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
        """Weight decay in this epoch."""
        warmup = self.weight_decay_warmup_epochs
        return self.weight_decay * (min(1.0, epoch / warmup) if warmup else 1.0)
