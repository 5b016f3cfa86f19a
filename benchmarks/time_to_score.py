"""Seconds until the default `LangevinFlow` and the preset `released` reach a co-smoothing score on
maze_reach.

    python benchmarks/time_to_score.py DATA_FOLDER [--score 0.21] [--seeds 3] [--released-seeds 1]
                                       [--max-seconds 600] [--only MODEL …] [--out FIGURE.png]

20 ms bins, 40 neurons held out, fold 0; 15 % of its training trials are left out, and co-smoothing
(bits per spike) on these is measured again and again while the network learns from the others; test
trials are not touched. The time that measuring takes is not counted. The models take turns of two
seconds on one core, so that other processes hit all alike; seconds of the processor and of the
clock are given. All keep their own schedules (200 epochs; 2000 epochs): the default, and `released`
at its own size (hidden 280, decoder 840) and at a smaller one (64, 192).
"""

import argparse
import statistics
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import nn

from recordings import maze_reach
from undertow import LangevinFlow, TrialSet
from undertow.data import fold_trials, split_validation
from undertow.models.langevin_flow import validation
from undertow.training import Training, TrainingWarning, Validate

SMALL: dict[str, Any] = {"latent_dim": 64, "encoder__hidden_dim": 64, "decoder__width": 192}
NAMES = ("default", "released, small", "released")
TURN_S = 2.0
RUNNING = threading.local()
VALIDATOR = validation.validator


class Stop(Exception):  # noqa: N818
    """The score is reached, or the time is over."""


class Turns:
    """Lets one thread of several run at a time, in order."""

    def __init__(self, names: list[str]) -> None:
        self.order, self.changed = deque(names), threading.Condition()

    def take(self, name: str) -> None:
        """Wait for the turn of `name`."""
        with self.changed:
            self.changed.wait_for(lambda: self.order[0] == name)

    def give(self, name: str, last: bool = False) -> None:
        """Hand over, for good when it was the `last` turn, else until the next."""
        with self.changed:
            self.order.popleft()
            self.order.extend([] if last else [name])
            self.changed.notify_all()


class Run:
    """One fit under a stopwatch that stands still while the network is scored and while others have
    their turn.

    Attributes:
        curve: (processor seconds, clock seconds, score) of each measurement.
    """

    def __init__(
        self, name: str, model: LangevinFlow, turns: Turns, target: float, max_s: float
    ) -> None:
        self.name, self.model, self.turns, self.target, self.max_s = (
            name,
            model,
            turns,
            target,
            max_s,
        )
        self.cpu_s = self.clock_s = self.turn_s = 0.0
        self.curve: list[tuple[float, float, float]] = []

    def go(self, train: TrialSet, validation: TrialSet) -> None:
        """Fit until the score is reached or the time is over."""
        torch.set_num_threads(1)  # OpenMP keeps a number for each thread
        self.turns.take(self.name)
        RUNNING.run = self
        self._start()
        try:
            with suppress(Stop):
                self.model.fit(train, validation)
        finally:
            self.turns.give(self.name, last=True)

    def measure(self, score: Callable[[], float]) -> float:
        """Note a score off the clock, hand over when the turn is over, and stop at the end."""
        spent = time.thread_time() - self.started[0]
        self.cpu_s, self.turn_s = self.cpu_s + spent, self.turn_s + spent
        self.clock_s += time.perf_counter() - self.started[1]
        self.curve.append((self.cpu_s, self.clock_s, score()))
        if self.reached or self.cpu_s > self.max_s:
            raise Stop
        if self.turn_s > TURN_S:
            self.turn_s = 0.0
            self.turns.give(self.name)
            self.turns.take(self.name)
        self._start()
        return self.curve[-1][2]

    @property
    def reached(self) -> bool:
        return self.curve[-1][2] >= self.target

    def _start(self) -> None:
        self.started = time.thread_time(), time.perf_counter()


def timed_validator(*args: Any) -> Validate:
    """As `validation.validator`, off the clock of the run in this thread."""
    validate = VALIDATOR(*args)

    def run(network: nn.Module) -> float:
        measured: float = RUNNING.run.measure(lambda: validate(network))
        return measured

    return run


def build(name: str, seed: int) -> LangevinFlow:
    """The model of this name."""
    if name == "default":
        return LangevinFlow(seed=seed, device="cpu", training=Training(validate_every=1))
    sizes = SMALL if name == "released, small" else {}
    model = LangevinFlow.preset("released", dynamics__allow_unstable=True, seed=seed, **sizes)
    return model.copy(device="cpu", training__validate_every=2)


def report(runs: list[Run]) -> str:
    """Markdown: the seconds each model took, the median over seeds where there are several."""
    lines = [
        "| model | seeds | processor, s | clock, s | reached | lowest best score |",
        "|" + "---|" * 6,
    ]
    for name in dict.fromkeys(run.name for run in runs):
        own = [run for run in runs if run.name == name]
        cpu, clock = (statistics.median(run.curve[-1][k] for run in own) for k in (0, 1))
        reached = sum(run.reached for run in own)
        best = min(max(score for _, _, score in run.curve) for run in own)
        cells = (
            name,
            len(own),
            f"{cpu:.1f}",
            f"{clock:.1f}",
            f"{reached} of {len(own)}",
            f"{best:.3f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def draw(runs: list[Run], target: float, path: Path) -> None:
    """Score against processor seconds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(5, 3.2), layout="constrained")
    for run in runs:
        seconds, _, scores = zip(*run.curve, strict=True)
        label = run.name if run.model.seed == 0 else None
        axes.plot(seconds, scores, color=f"C{NAMES.index(run.name)}", label=label)
    axes.axhline(target, color="0.5", linestyle=":")
    axes.set(
        xscale="log",
        xlabel="processor seconds",
        ylabel="co-bps, validation trials",
        ylim=(-0.1, None),
    )
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--score", type=float, default=0.21)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--released-seeds", type=int, default=1)
    parser.add_argument("--max-seconds", type=float, default=600)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    warnings.simplefilter("ignore", TrainingWarning)
    trials = maze_reach(options.data)
    parts = split_validation(trials[fold_trials(trials, 5, 0)[0][0]], 0.15, seed=0)
    torch.set_num_threads(1)
    LangevinFlow(device="cpu", training=Training(epochs=1)).fit(
        *parts
    )  # what is loaded and planned once
    runs: list[Run] = []
    seeds = {n: options.seeds if n == "default" else options.released_seeds for n in NAMES}
    with (
        patch.object(validation, "validator", timed_validator),
        ThreadPoolExecutor() as threads,
    ):
        for seed in range(max(seeds.values())):
            names = [name for name in options.only if seed < seeds[name]]
            turns = Turns(names)
            now = [Run(n, build(n, seed), turns, options.score, options.max_seconds) for n in names]
            for future in [threads.submit(run.go, *parts) for run in now]:
                future.result()
            runs += now
            print(
                f"seed {seed}: " + "; ".join(f"{r.name} {r.curve[-1][0]:.1f} s" for r in now),
                flush=True,
            )
    print(
        f"\n{len(parts[0])} trials learned from, {len(parts[1])} scored on, {options.score} "
        "co-bps\n"
    )
    print(report(runs))
    if options.out:
        draw(runs, options.score, options.out)


if __name__ == "__main__":
    main()
