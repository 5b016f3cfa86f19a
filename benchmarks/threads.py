"""What a second thread brings a fit, on an idle machine and on a busy one.

    python benchmarks/threads.py [--epochs 20] [--busy 2]

A training of the default LangevinFlow on trials of maze_reach's size, and one of MC_Maze's size in
the published width, on one and on two threads, by the clock and by processor time; then the same
beside so many processes that compute. What undertow chooses by itself is marked.
"""

import argparse
import multiprocessing
import time
import warnings

import torch

from steps import poisson_trials
from undertow import LangevinFlow, TrialSet
from undertow.training import Training, threads_for, use_threads


def spin() -> None:
    """Compute for ever."""
    torch.set_num_threads(1)
    matrix = torch.randn(256, 256)
    while True:
        matrix = torch.tanh(matrix @ matrix)


def took(model: LangevinFlow, trials: TrialSet, threads: int) -> tuple[float, float]:
    """Seconds of a fit by the clock, and of processor time."""
    use_threads(threads)
    started, worked = time.perf_counter(), time.process_time()
    model.copy().fit(trials[:-4], trials[-4:], verbose=False)
    return time.perf_counter() - started, time.process_time() - worked


def sizes(epochs: int) -> dict[str, tuple[LangevinFlow, TrialSet]]:
    """A small model, and a large one."""
    few = Training(epochs=epochs, validate_every=epochs)
    wide = {"latent_dim": 280, "encoder__hidden_dim": 280, "decoder__width": 840}
    once = Training(epochs=1, batch_size=256)
    return {
        "maze_reach, default": (
            LangevinFlow(training=few, pool=None),
            poisson_trials((103, 25, 0, 162, 122), 0),
        ),
        "MC_Maze, width 840": (
            LangevinFlow(training=once, pool=None).set_params(**wide),
            poisson_trials((516, 35, 0, 182, 137), 0),
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--busy", type=int, default=2)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    most = torch.get_num_threads()
    print(
        "| fit | machine | threads | s by the clock | s of processor time |\n|---|---|---|---|---|"
    )
    for busy in (0, options.busy):
        others = [multiprocessing.Process(target=spin, daemon=True) for _ in range(busy)]
        for each in others:
            each.start()
        for name, (model, trials) in sizes(options.epochs).items():
            for threads in (1, 2):
                clock, worked = took(model, trials, threads)
                use_threads(None)
                torch.set_num_threads(most)
                fitted = model.copy(training=Training(epochs=1)).fit(trials[:8], trials[-4:])
                weights = fitted.parameter_counts()["all"]
                bins = min(model.training.batch_size, len(trials) - 4) * trials.n_time
                mark = " (chosen)" if threads_for(weights, bins) == threads else ""
                machine = f"{busy} others compute" if busy else "idle"
                print(f"| {name} | {machine} | {threads}{mark} | {clock:.1f} | {worked:.1f} |",
                      flush=True)  # fmt: skip
        for each in others:
            each.terminate()


if __name__ == "__main__":
    main()
