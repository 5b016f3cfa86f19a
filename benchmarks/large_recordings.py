"""Recordings larger than memory: what an epoch and a conversion hold, and how fast they are.

    python benchmarks/large_recordings.py FOLDER [--trials 20000] [--beside 3000] [--hours 2]
        [--units 1000] [--rate-hz 10] [--turns 3]

FOLDER gets the files (2 GB of counts, 0.6 GB of NWB) and keeps them for the next time. Printed:

- an epoch of LangevinFlow on 20,000 trials × 100 bins × 1,000 neurons in a memory-mapped file: the
  most memory that the whole fit held, and its seconds.
- processor seconds of an epoch on fewer of them, in an array (float32, as all sets were before),
  in the file, packed in memory, and in an HDF5 file, in turn; medians, and ratios to the array.
- an NWB file of 2 h and 1,000 units, cut into windows of 1 s in bins of 20 and 10 ms: the most
  memory held, and the seconds.

Every measurement has a process of its own, of one thread. The memory is what the system says of
it (ru_maxrss), Python and PyTorch included.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path
from statistics import median
from typing import Any

import h5py
import numpy as np

SHAPE, BIN_S, HELD_OUT = (100, 1000), 0.01, 250
AT_ONCE = 200
WAYS = ("array", "file", "packed", "hdf5")


def make_counts(folder: Path, n_trials: int) -> Path:
    """Counts of neurons that three oscillations drive, 5 spikes/s, a byte each."""
    path = folder / f"counts_{n_trials}.npy"
    if path.exists():
        return path
    rng = np.random.default_rng(0)
    weights, base = rng.normal(size=(3, SHAPE[1])) * 0.4, rng.gamma(2, 2.5, SHAPE[1]) * BIN_S
    t = np.arange(SHAPE[0]) * BIN_S
    partial = path.with_suffix(".part")
    held = np.lib.format.open_memmap(partial, "w+", np.uint8, (n_trials, *SHAPE))
    for first in range(0, n_trials, AT_ONCE):
        rows = slice(first, min(first + AT_ONCE, n_trials))
        phase = rng.uniform(0, 2 * np.pi, (rows.stop - first, 3, 1))
        z = np.sin(4 * np.pi * np.arange(1, 4)[:, None] * t + phase)
        held[rows] = rng.poisson(base * np.exp(np.einsum("kdt,dn->ktn", z, weights)))
    held.flush()
    partial.rename(path)
    return path


def make_nwb(folder: Path, hours: float, n_units: int, rate_hz: float) -> Path:
    """Poisson units for so long, written one by one."""
    path = folder / f"session_{hours:g}h_{n_units}_{rate_hz:g}hz.nwb"
    if path.exists():
        return path
    rng, stop_s = np.random.default_rng(1), 3600 * hours
    sizes = rng.poisson(stop_s * rng.gamma(2, rate_hz / 2, n_units)) + 1
    partial = path.with_suffix(".part")
    with h5py.File(partial, "w") as file:
        file.attrs["nwb_version"] = "2.7.0"
        units = file.create_group("units")
        units["id"], units["spike_times_index"] = np.arange(n_units), np.cumsum(sizes)
        times = units.create_dataset("spike_times", (int(sizes.sum()),), float, chunks=(2**16,))
        for unit, end in enumerate(np.cumsum(sizes)):
            times[end - sizes[unit] : end] = np.sort(rng.uniform(0, stop_s, sizes[unit]))
    partial.rename(path)
    return path


# --- in a process of its own ----------------------------------------------------------------------


def held_mb() -> float:
    """The most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def epoch(path: Path, n_trials: int, way: str) -> dict[str, Any]:
    """One epoch of the default model, refit and pool left out."""
    import torch

    from undertow import LangevinFlow, TrialSet
    from undertow.data import write_hdf5

    torch.set_num_threads(1)
    counts = np.load(path, mmap_mode="r")[:n_trials]
    about = {"heldout": np.arange(SHAPE[1]) < HELD_OUT, "condition": np.arange(n_trials) % 20}
    trials = TrialSet(np.array(counts) if way == "array" else counts, BIN_S, **about)
    if way == "packed":
        trials = trials.pack()
    if way == "hdf5":
        stored = path.with_name(f"trials_{n_trials}.h5")
        if not stored.exists():
            write_hdf5(trials, stored)
        trials = TrialSet.from_hdf5(stored, in_memory=False)
    model = LangevinFlow(pool=None).set_params(training__epochs=1, training__refit=False)
    started, cpu = time.perf_counter(), time.process_time()
    model.fit(trials, verbose=False)
    return {
        "fit_s": time.perf_counter() - started,
        "cpu_s": time.process_time() - cpu,
        "epoch_s": model.history_[0]["seconds"],
        "loss": model.history_[0]["loss"],
        "held_mb": held_mb(),
    }


def convert(path: Path, bin_s: float) -> dict[str, Any]:
    """Windows of a second from the NWB file."""
    from undertow import load

    started = time.perf_counter()
    trials = load(path, bin_s=bin_s)
    spikes = float(np.sum(trials.mean_rates)) * bin_s * trials.n_trials * trials.n_time
    return {
        "what": f"{trials!r}, {type(trials.spikes).__name__}, {spikes:.3g} spikes",
        "seconds": time.perf_counter() - started,
        "held_mb": held_mb(),
    }


# --- from outside ---------------------------------------------------------------------------------


def apart(*words: object) -> dict[str, Any]:
    """A measurement in a process of its own."""
    given = [sys.executable, __file__, "--measure", *map(str, words)]
    done = subprocess.run(given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    if sys.argv[1:2] == ["--measure"]:
        warnings.simplefilter("ignore")
        what, path, *given = sys.argv[2:]
        found = (
            convert(Path(path), float(given[0]))
            if what == "convert"
            else epoch(Path(path), int(given[0]), given[1])
        )
        print(json.dumps(found))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, default=20_000)
    parser.add_argument("--beside", type=int, default=3_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--units", type=int, default=1_000)
    parser.add_argument("--rate-hz", type=float, default=10.0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    session = make_nwb(options.folder, options.hours, options.units, options.rate_hz)
    for bin_s in (0.02, 0.01):
        print(f"NWB, bins of {1e3 * bin_s:g} ms: {apart('convert', session, bin_s)}", flush=True)
    counts = make_counts(options.folder, options.trials)
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for _ in range(options.turns):
        for way in WAYS:
            found[way].append(apart("epoch", counts, options.beside, way))
    first = median(each["cpu_s"] for each in found["array"])
    for way, each in found.items():
        cpu, wall = (median(one[name] for one in each) for name in ("cpu_s", "epoch_s"))
        held, losses = max(one["held_mb"] for one in each), {one["loss"] for one in each}
        print(
            f"{options.beside} trials, {way}: {cpu:.1f} s of the processor, speed {first / cpu:.2f}"
            f" of the array's; epoch {wall:.1f} s; {held:.0f} MB held; loss {losses}",
            flush=True,
        )
    print(f"{options.trials} trials, file: {apart('epoch', counts, options.trials, 'file')}")


if __name__ == "__main__":
    main()
