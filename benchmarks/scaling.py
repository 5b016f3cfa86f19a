"""Cost of a training step and of a prediction against trials, bins and neurons, on one and two
threads, and memory.

    python benchmarks/scaling.py [--axes trials bins neurons] [--repeats 7] [--seed 0] [--out
    FIGURE.png]

The default `LangevinFlow` on Poisson counts. Around 32 trials × 32 bins × 128 neurons (a quarter
held out) one size at a time grows 32-fold. A step is loss, backward pass, clipping and AdamW on all
trials at once; a prediction averages 5 posterior samples. All sizes of an axis take turns; medians
of processor time, which other processes distort little, are shown with the slope of log time over
log size (1: proportional), of all sizes and of the last doubling alone. Memory is what the
process's peak grows by over three steps, each size in a process of its own. Two threads are
compared with one by the clock, taking turns, which says something only on a machine that is
otherwise idle.
"""

import argparse
import resource
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch

from steps import SIZES, Job, in_turns, poisson_trials, stepper
from undertow import LangevinFlow, TrialSet
from undertow.data.batches import Batch
from undertow.training import Training, TrainingWarning

AXES = {
    "trials": (16, 32, 64, 128, 256, 512),
    "bins": (16, 32, 64, 128, 256, 512),
    "neurons": (32, 64, 128, 256, 512, 1024),
}
CENTRE = {"trials": 32, "bins": 32, "neurons": 128}
SAMPLES = 5
MEGABYTE = 2**20


def make_trials(trials: int, bins: int, neurons: int, seed: int) -> TrialSet:
    """Poisson counts, a quarter of the neurons held out."""
    return poisson_trials((trials, bins, 0, neurons, 3 * neurons // 4), seed)


def fitted(trials: TrialSet, seed: int) -> LangevinFlow:
    """A model that has seen these neurons once."""
    model = LangevinFlow(samples=SAMPLES, seed=seed, device="cpu", training=Training(epochs=1))
    return model.fit(trials[:4], trials[:4])


def work(trials: TrialSet, seed: int) -> dict[str, Job]:
    """What is timed on these trials."""
    model = fitted(trials, seed)
    return {
        "step": stepper(model.network_, Batch.from_trials(trials), seed),
        "prediction": lambda: model.predict(trials),
    }


def peak_bytes() -> float:
    """The most memory this process has held; by the kernel's count of its own, where there is
    one."""
    status = Path("/proc/self/status")
    if status.exists():  # what resource counts begins with the parent's peak there
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return float(line.split()[1]) * 1024
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def print_memory(size: str, seed: int) -> None:
    """Bytes by which three steps on 'trials bins neurons' raise this process's peak."""
    n_trials, bins, neurons = (int(n) for n in size.split())
    trials = make_trials(n_trials, bins, neurons, seed)
    step = stepper(fitted(trials, seed).network_, Batch.from_trials(trials), seed)
    before = peak_bytes()
    for _ in range(3):
        step()
    print(peak_bytes() - before)


def memory(size: dict[str, int], seed: int) -> float:
    """What `print_memory` says, in a process of its own."""
    command = [
        sys.executable,
        __file__,
        "--memory",
        " ".join(map(str, size.values())),
        "--seed",
        str(seed),
    ]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(axis: str, repeats: int, seed: int) -> dict[str, list[float]]:
    """'step' and 'prediction' in seconds, 'memory' in bytes, for each size along an axis."""
    sizes = [CENTRE | {axis: value} for value in AXES[axis]]
    jobs: dict[str, Job] = {}
    for size in sizes:
        for kind, job in work(make_trials(**size, seed=seed), seed).items():
            jobs[f"{kind} {size[axis]}"] = job
    seconds = in_turns(jobs, repeats, time.process_time)
    found = {kind: [seconds[f"{kind} {n}"] for n in AXES[axis]] for kind in ("step", "prediction")}
    return found | {"memory": [memory(size, seed) for size in sizes]}


def slopes(sizes: tuple[int, ...], values: list[float]) -> str:
    """Slopes on log axes, of all sizes and of the last two."""
    x, y = np.log(sizes), np.log(values)
    return f"{np.polyfit(x, y, 1)[0]:.2f} | {(y[-1] - y[-2]) / (x[-1] - x[-2]):.2f}"


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Markdown: a row for each axis and quantity."""
    lines = [
        "| along | what | smallest | largest | slope | of the last doubling |",
        "|---|---|---|---|---|---|",
    ]
    for axis, kinds in found.items():
        sizes = AXES[axis]
        for kind, values in kinds.items():
            scale, unit = (1 / MEGABYTE, "MiB") if kind == "memory" else (1e3, "ms")
            first, last = (
                f"{scale * v:.0f} {unit} at {n}"
                for v, n in ((values[0], sizes[0]), (values[-1], sizes[-1]))
            )
            lines.append(f"| {axis} | {kind} | {first} | {last} | {slopes(sizes, values)} |")
    return "\n".join(lines)


def on_threads(n: int, job: Job) -> None:
    """Run on so many threads."""
    torch.set_num_threads(n)
    job()


def threads(repeats: int, seed: int) -> str:
    """Markdown: clock seconds on one and two threads."""
    lines = [
        "| size | what | 1 thread, ms | 2 threads, ms | times faster |",
        "|---|---|---|---|---|",
    ]
    for name, size in SIZES.items():
        jobs: dict[str, Job] = {}
        for kind, job in work(poisson_trials((64, *size[1:]), seed), seed).items():
            jobs |= {f"{kind} {n}": partial(on_threads, n, job) for n in (1, 2)}
        seconds = in_turns(jobs, repeats, time.perf_counter)
        for kind in ("step", "prediction"):
            one, two = seconds[f"{kind} 1"], seconds[f"{kind} 2"]
            lines.append(
                f"| {name}, 64 trials | {kind} | {1e3 * one:.0f} | {1e3 * two:.0f} | "
                f"{one / two:.2f} |"
            )
    torch.set_num_threads(1)
    return "\n".join(lines)


def draw(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    """Seconds above, memory below, one column for each axis."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(
        2,
        len(found),
        figsize=(3 * len(found), 5),
        sharex="col",
        sharey="row",
        layout="constrained",
        squeeze=False,
    )
    for (axis, kinds), (above, below) in zip(found.items(), axes.T, strict=True):
        for kind, values in kinds.items():
            panel, scale = (below, MEGABYTE) if kind == "memory" else (above, 1.0)
            panel.loglog(AXES[axis], np.array(values) / scale, "o-", label=kind)
        below.set_xlabel(axis)
        below.set_xticks(AXES[axis], [str(n) for n in AXES[axis]])
        below.minorticks_off()
    axes[1, 0].yaxis.set_minor_formatter("")
    axes[0, 0].set_ylabel("processor seconds")
    axes[1, 0].set_ylabel("memory of a step, MiB")
    axes[0, 0].legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--axes", nargs="+", choices=AXES, default=list(AXES))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", TrainingWarning)  # that nothing is inferred from noise
    if options.memory:
        print_memory(options.memory, options.seed)
        return
    found = {axis: measure(axis, options.repeats, options.seed) for axis in options.axes}
    print(table(found), flush=True)
    print("\n" + threads(options.repeats, options.seed), flush=True)
    if options.out:
        draw(found, options.out)


if __name__ == "__main__":
    main()
