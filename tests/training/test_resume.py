"""A run that was stopped, however it was, ends bit-equal to one that was not."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.training.tiny import (
    LONG,
    run,
    same,
    tiny_batch,
    tiny_network,
    tiny_objective,
    tiny_validate,
)
from undertow.data.batches import Batch
from undertow.errors import ModelError
from undertow.training import (
    Interrupted,
    Training,
    TrainingState,
    read_header,
    train,
    write_tensors,
)
from undertow.training.kept_state import CHECKPOINT, LOG

ROOT = Path(__file__).parent.parent.parent
SHORT = Training(epochs=9, batch_size=8, validate_every=2, checkpoint_seconds=0.0)


def interrupting(network: nn.Module, at: int) -> Any:
    """The tiny objective, with Ctrl-C at a call."""
    objective, calls = tiny_objective(network), iter(range(10**6))

    def interrupted(batch: Batch, generator: torch.Generator, progress: float) -> Any:
        if next(calls) == at:
            raise KeyboardInterrupt
        return objective(batch, generator, progress)

    return interrupted


@pytest.mark.parametrize("call", [0, 1, 5, 9, 14, 26])
def test_interrupted_in_an_epoch_then_resumed(call: int, tmp_path: Path) -> None:
    network = tiny_network()
    with pytest.raises(Interrupted, match="its state is saved"):
        train(network, tiny_batch(), interrupting(network, call), tiny_validate, SHORT, 3, tmp_path)
    assert read_header(tmp_path / CHECKPOINT)["epoch"] == call // 3
    assert same(run(SHORT, tmp_path, resume=True), run(SHORT))


def test_weights_that_the_loss_does_not_depend_on_do_not_matter(tmp_path: Path) -> None:
    def with_idle(at: int, resume: bool = False) -> nn.Module:
        network = tiny_network()
        network.register_parameter("idle", nn.Parameter(torch.ones(2)))
        objective = interrupting(network, at)
        train(network, tiny_batch(), objective, tiny_validate, SHORT, 3, tmp_path, resume)
        return network

    with pytest.raises(Interrupted):
        with_idle(9)
    resumed, whole = with_idle(10**6, resume=True), with_idle(10**6)
    pairs = zip(resumed.parameters(), whole.parameters(), strict=True)
    assert all(torch.equal(*each) for each in pairs)


def test_interrupted_in_validation_then_resumed(tmp_path: Path) -> None:
    network, calls = tiny_network(), iter(range(100))

    def validate(averaged: nn.Module) -> float:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return tiny_validate(averaged)

    with pytest.raises(Interrupted):
        train(network, tiny_batch(), tiny_objective(network), validate, SHORT, 3, tmp_path)
    assert same(run(SHORT, tmp_path, resume=True), run(SHORT))


@pytest.mark.parametrize("finished", [True, False])
def test_a_log_that_was_not_written_any_more_is_written_again(
    tmp_path: Path, finished: bool
) -> None:
    """A process may be killed between a checkpoint and its log, the last one too."""
    settings = SHORT if finished else replace(SHORT, epochs=20)
    run(SHORT, tmp_path / "whole")
    before = (tmp_path / "whole" / LOG).read_text()
    (tmp_path / "whole" / LOG).unlink()
    run(settings, tmp_path / "whole", resume=True)
    after = (tmp_path / "whole" / LOG).read_text()
    assert after == before if finished else len(after) > len(before)


def test_interrupted_again_and_again(tmp_path: Path) -> None:
    for call in (4, 0, 7, 3):
        network = tiny_network()
        objective = interrupting(network, call)
        with pytest.raises(Interrupted):
            train(network, tiny_batch(), objective, tiny_validate, SHORT, 3, tmp_path, resume=True)
    assert same(run(SHORT, tmp_path, resume=True), run(SHORT))


def test_history_goes_on_where_it_was(tmp_path: Path) -> None:
    network, resumed = tiny_network(), tiny_network()
    with pytest.raises(Interrupted):
        train(network, tiny_batch(), interrupting(network, 14), tiny_validate, SHORT, 3, tmp_path)
    history = train(
        resumed,
        tiny_batch(),
        tiny_objective(resumed),
        tiny_validate,
        SHORT,
        3,
        tmp_path,
        resume=True,
    )
    plain = tiny_network()
    unbroken = train(plain, tiny_batch(), tiny_objective(plain), tiny_validate, SHORT, 3)
    without_clock = lambda rows: [{k: v for k, v in r.items() if k != "seconds"} for r in rows]  # noqa: E731
    assert without_clock(history) == without_clock(unbroken)
    assert [row["seconds"] for row in history] == sorted(row["seconds"] for row in history)


def test_a_finished_run_resumes_to_itself(tmp_path: Path) -> None:
    finished = run(SHORT, tmp_path)
    network = tiny_network()
    never = interrupting(network, 0)
    train(network, tiny_batch(), never, tiny_validate, SHORT, 3, tmp_path, resume=True)
    assert same(network.state_dict(), finished)


def test_without_resume_a_run_starts_over(tmp_path: Path) -> None:
    run(Training(epochs=3, batch_size=8), tmp_path)
    assert same(run(SHORT, tmp_path), run(SHORT))


# --- real processes ---------------------------------------------------------------------------


def stop_a_run(
    folder: Path, how: signal.Signals, validations: int
) -> subprocess.CompletedProcess[str]:
    """Start (or resume) the long run in a process of its own and send it a signal after so many
    validations, wherever it then is."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-m", "tests.training.tiny", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes)
    assert process.stdout is not None
    for _ in range(validations):
        if process.stdout.readline() == "the last\n":
            break
    process.send_signal(how)
    out, err = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_killed_again_and_again_then_resumed(tmp_path: Path) -> None:
    # as a kill in the middle of writing leaves it
    (tmp_path / f".{CHECKPOINT}.1.part").write_bytes(b"cut")
    for validations in np.random.default_rng(0).integers(1, 5, 3):
        killed = stop_a_run(tmp_path, signal.SIGKILL, int(validations))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert 0 < read_header(tmp_path / CHECKPOINT)["epoch"] < LONG.epochs
    assert same(run(LONG, tmp_path, resume=True), run(LONG))
    assert sorted(p.name for p in tmp_path.iterdir()) == [CHECKPOINT, "log.csv"]


def test_ctrl_c_saves_says_so_and_resumes(tmp_path: Path) -> None:
    done = stop_a_run(tmp_path, signal.SIGINT, 2)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "interrupted", done.stderr
    assert 0 < read_header(tmp_path / CHECKPOINT)["epoch"] < LONG.epochs
    assert sorted(p.name for p in tmp_path.iterdir()) == [CHECKPOINT, "log.csv"]
    assert same(run(LONG, tmp_path, resume=True), run(LONG))


# --- the state --------------------------------------------------------------------------------


def stepped(state: TrainingState, steps: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    objective = tiny_objective(state.network)
    for _ in range(steps):
        state.optimizer.zero_grad()
        objective(tiny_batch(), generator, 0.5)[0].backward()
        state.optimizer.step()
        state.average_weights()


def test_restore_brings_back_weights_averages_optimiser_and_counters() -> None:
    state = TrainingState(tiny_network().eval(), SHORT, 0)
    stepped(state, 3, seed=0)
    state.counters.epoch, state.counters.history = 3, [{"epoch": 3.0}]
    state.keep_if_best(0.5)
    tensors, numbers = state.tensors(), state.numbers()
    stepped(state, 2, seed=1)
    expected = state.tensors()
    state.counters.history.append({"epoch": 4.0})
    state.keep_if_best(0.9)
    state.restore(tensors, numbers)
    assert same(state.tensors(), tensors)
    assert any(name.startswith("optimizer.") and name.endswith("exp_avg_sq") for name in tensors)
    assert state.numbers() == numbers
    assert state.counters.best_score == 0.5
    stepped(state, 2, seed=1)
    assert all(
        torch.equal(v, expected[k]) for k, v in state.tensors().items() if not k.startswith("best.")
    )


def test_what_is_kept_is_a_copy() -> None:
    state = TrainingState(tiny_network().eval(), SHORT, 0)
    tensors = state.tensors()
    before = {k: v.clone() for k, v in tensors.items()}
    stepped(state, 1, seed=0)
    assert same(tensors, before)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "damaged"),
        (lambda path: path.write_bytes(b"something else"), "not a file written by undertow"),
        (
            lambda path: write_tensors(path, {"a": torch.zeros(2)}, {"model": "other"}),
            "no checkpoint of this network",
        ),
    ],
)
def test_a_damaged_or_foreign_checkpoint_is_refused(
    spoil: Callable[[Path], Any], message: str, tmp_path: Path
) -> None:
    run(Training(epochs=2), tmp_path)
    spoil(tmp_path / CHECKPOINT)
    with pytest.raises(ModelError, match=message):
        run(SHORT, tmp_path, resume=True)
