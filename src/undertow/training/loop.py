"""Training loop: epochs, validation, rollback, checkpoints."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from undertow.errors import ModelError, StabilityError, UndertowWarning
from undertow.files import PARTIAL
from undertow.training.broken import (
    NonFiniteError,
    check_weights,
    clip_gradient,
)
from undertow.training.gradient import Minibatch, Noise, Objective, shard_gradient
from undertow.training.history import Row
from undertow.training.kept_state import resumed, save, write_log
from undertow.training.settings import Training
from undertow.training.state import TrainingState
from undertow.training.together import RECOVERABLE, LostError, processes


class Learned(Protocol):
    """What is learned from: trials that come in minibatches of the same kind; a `Batch` is."""

    @property
    def device(self) -> torch.device:
        """Where the trials are."""

    def __len__(self) -> int: ...

    def shuffled(self, size: int, generator: torch.Generator) -> Iterator[Minibatch]:
        """Minibatches of about `size` trials in random order."""


Validate = Callable[[nn.Module], float | Mapping[str, float]]
Solve = Callable[[nn.Module, float], bool]
Report = Callable[[Row, float, float], None]


class Interrupted(KeyboardInterrupt):
    """Training was stopped by Ctrl-C after its state was saved."""


class TrainingWarning(UndertowWarning):
    """Training did not go as it should (steps rolled back, given up)."""


def train(
    network: nn.Module,
    batch: Learned,
    objective: Objective,
    validate: Validate | None,
    settings: Training,
    seed: int = 0,
    directory: Path | None = None,
    resume: bool = False,
    report: Report | None = None,
    last_epoch: int | None = None,
    groups: Mapping[str, Sequence[nn.Parameter]] | None = None,
    solve: Solve | None = None,
) -> list[Row]:
    """Train `network` in place.

    It ends with the weights that validated best, or with the last ones where there is no
    validation. Processes inside `together()` train it together.

    Args:
        network: the network to train.
        batch: all training trials.
        objective: (minibatch, generator, progress) → loss and its named terms; progress goes from 0
            to 1.
        validate: network → score on validation trials, higher is better, or the parts that add up
            to it by name, which the log then holds; None to keep the last weights.
        settings: options of the loop.
        seed: governs batches and noise.
        directory: where checkpoints and the CSV log go; None for none.
        resume: continue from the checkpoint in `directory`, if there is one.
        report: called after each validation with the row, the share of the run that is done and the
            seconds left.
        last_epoch: stop after this epoch; the schedules stay those of the whole budget.
        groups: 'dynamics' and 'readout' → weights whose step sizes are `settings.dynamics_rate`
            and `settings.readout_rate` times the others'.
        solve: called with a network and the share of the run that is done, before the first step
            and before each validation, to solve in place what has a closed form: of the network in
            training, then of its running average. True where weights were moved so far that the
            average starts again from them.

    Returns:
        One row per validation.

    Raises:
        Interrupted: on Ctrl-C, after the state was saved.
        ModelError: where not one epoch could be finished, with what broke it and what to lower.
        LostError: where another process that trains with this one is gone, after the state was
            saved.
    """
    settings = settings.planned(len(batch))
    processes().check_shards(settings.shards)
    processes().share(list(network.state_dict().values()))
    state = TrainingState(network, settings, seed, last_epoch, groups)
    for part in [] if directory is None else directory.glob(f".*{PARTIAL}"):
        part.unlink(missing_ok=True)  # of a run killed while it wrote
    if resumed(state, directory if resume else None):
        # the run may have been killed before it wrote it
        write_log(directory, state.counters.history)
    elif solve is not None:
        solve_parts(state, solve)
    last_good, last_row = (state.tensors(), state.numbers()), Row()
    saved_at = started = time.monotonic()
    # a resumed run counts the seconds of its earlier parts: `max_seconds` is of all together
    before_s = state.counters.elapsed_s
    try:
        while not state.finished:
            try:
                row = _run_epoch(state, batch, objective)
                state.counters.elapsed_s = processes().agreed(
                    lambda: before_s + time.monotonic() - started
                )
                if state.counters.epoch % (settings.validate_every or 1) == 0 or state.finished:
                    if solve is not None:
                        solve_parts(state, solve)
                    validate_state(state, row, validate)
                    if report is not None:
                        report(row, state.share_done, _seconds_left(state))
                last_row = row
            except RECOVERABLE as error:
                _roll_back(state, last_good, _one_line(error), validate, last_row)
            # only whole epochs are kept: one cut short by Ctrl-C is run again from its own seed
            last_good = (state.tensors(), state.numbers())
            if time.monotonic() - saved_at > settings.checkpoint_seconds or state.finished:
                save(directory, *last_good)
                saved_at = time.monotonic()
    except KeyboardInterrupt:
        save(directory, *last_good)
        raise Interrupted("training was interrupted; its state is saved") from None
    except LostError:
        save(directory, *last_good)
        raise
    # the averaged weights that were kept, not those of the last step
    network.load_state_dict(state.best)
    return state.counters.history


def _run_epoch(state: TrainingState, batch: Learned, objective: Objective) -> Row:
    rate, seed, shards = state.set_learning_rate(), state.epoch_seed(), state.settings.shards
    sums: Row = {}
    # batches are shuffled on the CPU: the same order on every device
    shuffler, noise = torch.Generator().manual_seed(seed), Noise(seed, shards, batch.device)
    state.network.train()
    for step, minibatch in enumerate(batch.shuffled(state.settings.batch_size, shuffler), 1):
        terms = _step(state, minibatch, objective, noise, f"at step {step} of the epoch")
        # the last minibatch may be smaller: each counts by its trials
        share = len(minibatch) / len(batch)
        for name, value in terms.items():
            sums[name] = sums.get(name, 0.0) + share * value
    sums = processes().summed(sums)
    state.counters.epoch += 1
    # after the epoch is counted: plateaus are measured in completed epochs
    state.note_loss(sums["loss"])
    return {"epoch": state.counters.epoch, "learning_rate": rate} | sums


def _step(
    state: TrainingState, minibatch: Minibatch, objective: Objective, noise: Noise, when: str
) -> dict[str, float]:
    # before the optimiser's step: its moments must never take in a NaN
    state.optimizer.zero_grad(set_to_none=True)
    given = (minibatch, objective, noise, state.progress, when)
    terms = shard_gradient(state.network, *given, processes())
    follow_gradient(state, when)
    return terms


def follow_gradient(state: TrainingState, when: str) -> None:
    """Take the step that the gradients of a network's weights say.

    Raises:
        NonFiniteError: for a gradient, or weights after it, that are not finite.
    """
    clip_gradient(state.network, state.settings.clip_norm, when)
    state.optimizer.step()
    # before the next step: factorisations in native code can crash on what is not finite
    check_weights(state.network, when)
    state.average_weights()


def solve_parts(state: TrainingState, solve: Solve) -> None:
    """Solve the closed-form parts of the network in training, and of its running average."""

    def solved() -> None:
        if solve(state.network, state.progress):
            state.averaged.load_state_dict(state.network.state_dict())
        solve(state.averaged, state.progress)

    processes().agreed(solved)
    for network in (state.network, state.averaged):
        processes().share(list(network.state_dict().values()))


def validate_state(state: TrainingState, row: Row, validate: Validate | None) -> None:
    """Score the running average, keep it where it is the best so far, and note it in the row."""
    if validate is None:
        state.keep()
    else:
        # the running average is validated, since it is what will be kept
        found = processes().agreed(lambda: _plain(validate(state.averaged)))
        parts = {} if isinstance(found, float | int) else dict(found)
        score = sum(parts.values()) if parts else float(found)
        row |= {f"validation_{name}": value for name, value in parts.items()}
        if not math.isfinite(score):
            raise NonFiniteError("the validation score is not finite (rates have run away)")
        state.keep_if_best(score)
        row |= {"validation_score": score, "best_score": state.counters.best_score}
    row["seconds"] = state.counters.elapsed_s
    state.counters.history.append(row)


def _plain(found: float | Mapping[str, float]) -> float | dict[str, float]:
    """A score, or its parts, as plain numbers."""
    if isinstance(found, float | int):
        return float(found)
    return {name: float(value) for name, value in found.items()}


def _roll_back(
    state: TrainingState,
    last_good: tuple[dict[str, Tensor], dict[str, Any]],
    what: str,
    validate: Validate | None,
    last_row: Row,
) -> None:
    # `restore` also puts the counters back: the failure is counted after it
    failures = state.counters.failures + 1
    state.restore(*last_good)
    epoch, state.counters.failures = state.counters.epoch + 1, failures
    state.counters.gave_up = failures > state.settings.retries
    then = "retrying with half the step size"
    if state.counters.gave_up:
        lower = _what_to_lower(state.settings)
        _keep_something(state, f"{what}; {lower}", validate, last_row)
        then = f"gave up after {failures} tries, the best model so far is kept; {lower}"
    warnings.warn(f"epoch {epoch}: {what}; rolled back, {then}.", TrainingWarning, stacklevel=3)


def _one_line(error: Exception) -> str:
    """The first line of a message, without its full stop; LAPACK's have several."""
    return str(error).splitlines()[0].rstrip(".")


def _what_to_lower(settings: Training) -> str:
    return (
        f"to train on, lower training.learning_rate ({settings.learning_rate:g}) or "
        f"training.clip_norm ({settings.clip_norm:g}), or raise training.warmup_epochs "
        f"({settings.warmup_epochs})"
    )


def _keep_something(
    state: TrainingState, why: str, validate: Validate | None, last_row: Row
) -> None:
    """Keep the weights of the last whole epoch where none were validated yet.

    Raises:
        ModelError: where there is no whole epoch, or its weights have no score either.
    """
    if state.counters.history:
        return
    tries = state.counters.failures
    if state.counters.epoch == 0:
        raise ModelError(f"training could not finish its first epoch in {tries} tries: {why}.")
    row = last_row or {"epoch": state.counters.epoch, "loss": state.counters.lowest_loss}
    try:
        validate_state(state, row, validate)
    except (NonFiniteError, StabilityError) as error:
        raise ModelError(
            f"training broke off after {tries} tries, and the weights it had are no good "
            f"({error}): {why}."
        ) from None


def _seconds_left(state: TrainingState) -> float:
    return state.counters.elapsed_s * (1 - state.share_done) / max(state.share_done, 1e-9)
