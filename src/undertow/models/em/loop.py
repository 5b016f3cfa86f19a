"""Loop of a fit by expectation–maximisation: iterations, validation, checkpoints."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from undertow.errors import ModelError
from undertow.files import write_text
from undertow.models.em.learner import Learner
from undertow.names import printable
from undertow.schema import record
from undertow.training import (
    Interrupted,
    broken_history,
    history_csv,
    read_tensors,
    write_tensors,
)

CHECKPOINT, LOG = "checkpoint.safetensors", "log.csv"
Row = dict[str, float]
Report = Callable[[Row, float, float], None]
Validate = Callable[[Any], float]
"""Network → score on the validation trials, higher is better."""


@dataclass
class Progressed:
    """How far a fit is, in plain numbers."""

    iteration: int = 0
    best_iteration: int = -1
    best_score: float | None = None
    elapsed_s: float = 0.0
    history: list[dict[str, int | float]] = field(default_factory=list)


class EMLoop:
    """Iterates a learner, keeps the model that validates best, and can be stopped and resumed.

    Args:
        learner: what is iterated; started already.
        validate: network → score, higher is better.
        directory: where checkpoint and log go; None for none.
        report: called after each validation with row, share done and seconds left.
    """

    def __init__(
        self, learner: Learner[Any], validate: Validate, directory: Path | None, report: Report
    ) -> None:
        self.learner, self.validate = learner, validate
        self.directory, self.report = directory, report
        self.done, self.best = Progressed(), self._weights()

    def _weights(self) -> dict[str, Tensor]:
        return {k: v.clone() for k, v in self.learner.network.state_dict().items()}

    def run(self, resume: bool = False) -> list[Row]:
        """Iterate to the end; the network then has the weights that validated best.

        Raises:
            Interrupted: on Ctrl-C, after the state was saved.
            ModelError: for a checkpoint of another fit.
        """
        if resume and self.directory is not None and (self.directory / CHECKPOINT).exists():
            self._restore(self.directory / CHECKPOINT)
        options, before_s = self.learner.options, self.done.elapsed_s
        saved = started = time.monotonic()
        kept = self._state()
        try:
            while not self.finished:
                bound = self.learner.iterate()
                self.done.iteration += 1
                self.done.elapsed_s = before_s + time.monotonic() - started
                if self.done.iteration % options.validate_every == 0 or self.finished:
                    self._note(bound)
                kept = self._state()
                if time.monotonic() - saved > options.checkpoint_seconds or self.finished:
                    self._save(*kept)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save(*kept)  # only whole iterations: one cut short is run again
            raise Interrupted("the fit was interrupted; its state is saved") from None
        if self.done.best_score is not None:  # else there is no score: the last ones stay
            self.learner.network.load_state_dict(self.best)
        return list(self.done.history)

    @property
    def finished(self) -> bool:
        """Whether all iterations are done, or the score has not risen for too many of them."""
        patience, last = self.learner.options.patience, self.done.iteration
        tired = patience is not None and 0 <= self.done.best_iteration <= last - patience
        return last >= self.learner.options.iterations or tired

    def _note(self, bound: float) -> None:
        """Validate, keep the model where it is best, and report."""
        score, done = self.validate(self.learner.network), self.done
        if math.isfinite(score) and (done.best_score is None or score > done.best_score):
            done.best_score, done.best_iteration = score, done.iteration
            self.best = self._weights()
        row: Row = {"epoch": done.iteration, "loss": -bound, "elbo": bound}
        if math.isfinite(score) and done.best_score is not None:
            row |= {"validation_score": score, "best_score": done.best_score}
        row["seconds"] = done.elapsed_s
        done.history.append(row)
        share = 1.0 if self.finished else done.iteration / self.learner.options.iterations
        self.report(row, share, done.elapsed_s * (1 - share) / max(share, 1e-9))

    # --- checkpoints -----------------------------------------------------------------------------

    def _state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        tensors = self.learner.tensors() | {f"best.{k}": v for k, v in self.best.items()}
        numbers = {**vars(self.done), "history": [dict(row) for row in self.done.history]}
        return tensors, numbers

    def _save(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        if self.directory is None:
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        write_tensors(self.directory / CHECKPOINT, tensors, numbers)
        write_text(self.directory / LOG, history_csv(numbers["history"]))

    def _restore(self, path: Path) -> None:
        tensors, numbers = read_tensors(path)
        if why := self._misfit(tensors, numbers):
            raise ModelError(
                f"{path} is no checkpoint of this fit ({why}): resume with the same trials and "
                "settings, or choose another folder."
            )

        def part(name: str) -> dict[str, Tensor]:
            return {k.removeprefix(name): v for k, v in tensors.items() if k.startswith(name)}

        device = self.learner.given.counts.device
        self.done, self.best = record(Progressed, numbers, "its header"), part("best.")
        self.learner.network.load_state_dict(part("network."))
        self.learner.restore({k: v.to(device) for k, v in part("inferred.").items()})
        self.learner.iteration = self.done.iteration

    def _misfit(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> str:
        """Say why a checkpoint is none of this fit; empty where it is one."""
        try:
            done = record(Progressed, numbers, "its header")
        except ModelError as error:
            return str(error).rstrip(".")
        wanted = self._state()[0]
        for name in {**wanted, **tensors}:
            if name not in tensors or name not in wanted:
                return f"{printable(name)} is {'missing' if name in wanted else 'unknown'}"
            if tensors[name].shape != wanted[name].shape:
                return f"{name} has another shape"
            if not bool(tensors[name].isfinite().all()):
                return f"{name} holds what is no finite number"
        return broken_history(done.history)
