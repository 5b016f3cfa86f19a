"""Seconds and memory of the benchmark's tensors, from NWB files of MC_Maze's size in part or from
your own.

    python benchmarks/nlb_tensors.py [--trials 300] [--no-reference]
    python benchmarks/nlb_tensors.py --files FOLDER --set mc_maze_small

Without files, a made recording is written to a temporary folder: 182 units, trials of 3.5 s as
    MC_Maze's are, hand
velocity at 1 kHz, and a test part. Each measurement runs in a process of its own; memory is that
process's peak, beside what it had used when all was imported. nlb_tools, in one process as well,
stands beside where it is installed and runs.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

N_HELDIN, N_HELDOUT = 137, 45
RATE_HZ = 5.0
TRIAL_S = 3.5
ONSET_S = 1.6


def make_files(folder: Path, n_trials: int) -> None:
    """Write a train and a test part in the structure of MC_Maze; three quarters of the trials
    train."""
    from tests.nlb.nwb_writer import cut_test_part, write_mc_maze, write_test_part

    rng = np.random.default_rng(0)
    starts = np.arange(n_trials) * TRIAL_S
    times = np.arange(round(n_trials * TRIAL_S * 1000)) / 1000
    trials = {
        "start_time": starts,
        "stop_time": starts + TRIAL_S,
        "move_onset_time": np.round(starts + ONSET_S + rng.uniform(0, 0.5, n_trials), 3),
        "split": np.where(np.arange(n_trials) % 4 == 3, "val", "train").tolist(),
        "trial_type": rng.integers(0, 36, n_trials),
        "trial_version": rng.integers(0, 3, n_trials),
    }
    n_units = N_HELDIN + N_HELDOUT
    trains = [
        np.sort(rng.uniform(0, times[-1], rng.poisson(RATE_HZ * times[-1]))) for _ in range(n_units)
    ]
    heldout = np.arange(n_units) >= N_HELDIN
    velocity = np.cumsum(rng.normal(size=(times.size, 2)), axis=0)
    write_mc_maze(
        folder / "made_desc-train.nwb", trains, trials, (times, velocity), heldout.tolist()
    )
    events = trials["move_onset_time"][:: max(n_trials // 60, 1)]
    spikes, test = cut_test_part(trains[:N_HELDIN], events, (-0.25, 0.45), "move_onset_time")
    write_test_part(folder / "made_desc-test.nwb", spikes, test)


def run_undertow(folder: str, set_name: str, bin_ms: int) -> dict[str, Any]:
    """Make the tensors of phase 'val', PSTHs and all."""
    from undertow.nlb import make_tensors

    tensors = make_tensors(folder, set_name, bin_ms, "val")
    return {**tensors.inputs, **tensors.targets}


def run_reference(folder: str, set_name: str, bin_ms: int) -> dict[str, Any]:
    """The same arrays from nlb_tools, made to run on the pandas that is installed."""
    import nlb_tools.nwb_interface as interface
    import pandas as pd
    from nlb_tools.make_tensors import make_eval_target_tensors, make_train_input_tensors

    to_numpy = pd.DataFrame.to_numpy
    pd.DataFrame.to_numpy = lambda self, *args, **kwargs: to_numpy(self, *args, **kwargs).copy()
    interface._poolmap = lambda function, items: list(map(function, items))
    data = interface.NWBDataset(folder, skip_fields=["hand_pos", "cursor_pos", "eye_pos"])
    data.resample(bin_ms)
    both = {"include_behavior": True, "include_forward_pred": True}
    inputs = make_train_input_tensors(data, set_name, "train", save_file=False, **both)
    targets = make_eval_target_tensors(
        data, set_name, "train", "val", save_file=False, include_psth=True
    )
    return {**inputs, **next(iter(targets.values()))}


RUNS: dict[str, Callable[[str, str, int], dict[str, Any]]] = {
    "undertow": run_undertow,
    "nlb_tools": run_reference,
}


def peak_mb() -> float:
    """Largest memory of this process so far, in MB."""
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3


def measure_here(who: str, folder: str, set_name: str, bin_ms: int) -> None:
    """Run once and print seconds (of the clock and of the processor), memory and the size of the
    result as JSON."""
    import time
    import warnings

    import pynwb  # noqa: F401
    import scipy.signal  # noqa: F401

    import undertow.nlb  # noqa: F401

    warnings.simplefilter("ignore")
    before, start, cpu = peak_mb(), time.perf_counter(), time.process_time()
    result = RUNS[who](folder, set_name, bin_ms)
    spent = time.process_time() - cpu
    held = sum(array.nbytes for array in result.values()) / 1e6
    print(json.dumps([time.perf_counter() - start, spent, peak_mb(), before, held]))


def measure(who: str, folder: Path, set_name: str, bin_ms: int) -> str:
    """A row of the table, from a process of its own."""
    command = [sys.executable, __file__, "--measure", who, str(folder), set_name, str(bin_ms)]
    done = subprocess.run(command, capture_output=True, text=True)
    name = f"| {who} | {bin_ms} |"
    if done.returncode:
        return f"{name} did not run: {done.stderr.strip().splitlines()[-1]} | | | | |"
    wall, cpu, memory, imported, held = json.loads(done.stdout.splitlines()[-1])
    return f"{name} {wall:.1f} | {cpu:.1f} | {memory:.0f} | {imported:.0f} | {held:.0f} |"


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--files", type=Path, help="folder with a set's NWB files; made ones by default"
    )
    parser.add_argument("--set", default="mc_maze")
    parser.add_argument(
        "--trials", type=int, default=300, help="training and validation trials of the made files"
    )
    parser.add_argument("--no-reference", action="store_true", help="leave nlb_tools out")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        return make_files(options.write, options.trials)
    if options.measure:
        who, folder, set_name, bin_ms = options.measure
        return measure_here(who, folder, set_name, int(bin_ms))
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.files or Path(temporary)
        if options.files is None:
            command = [
                sys.executable,
                __file__,
                "--write",
                temporary,
                "--trials",
                str(options.trials),
            ]
            subprocess.run(
                command, check=True
            )  # apart, because memory taken here would count in the children's peak
        size = sum(path.stat().st_size for path in folder.rglob("*.nwb")) / 1e6
        print(f"{options.set}, phase val, {size:.0f} MB of NWB files\n")
        columns = (
            "",
            "bin (ms)",
            "seconds",
            "processor seconds",
            "peak (MB)",
            "imports (MB)",
            "arrays (MB)",
        )
        print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
        for who in RUNS if not options.no_reference else ("undertow",):
            for bin_ms in (5, 20):
                print(measure(who, folder, options.set, bin_ms), flush=True)


if __name__ == "__main__":
    main()
