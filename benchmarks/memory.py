"""Peak memory and processor time of each step on a large recording, as multiples of its counts.

    python benchmarks/memory.py [--trials 200] [--bins 100] [--neurons 1000] [--samples 20]
    [--stages info ...] [--limit-gb 9] [--seed 0] [--folder DIR]

Poisson counts of a few conditions, driven by latents, beside a velocity that follows the latents,
go to an `.npz` file. Each stage runs in a process of its own: `info`; `dry-run`; `fit`, a whole run
of one epoch, whose parts (reading, epoch, baseline, scores, report) are told apart; `predict`.
Peaks are of the whole process, Python and PyTorch included, whose own share is shown first. The
counts are those of the TrialSet, four bytes each. One thread; processor seconds, which other
processes distort little.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

BIN_S, LATENTS, CONDITIONS, BLOCK = 0.02, 6, 8, 50
STAGES = ("imports", "info", "dry-run", "fit", "predict")
EPOCHS_FOR_SCORING, TIMES_THE_COUNTS = 5, 4


def write_recording(path: Path, n_trials: int, n_time: int, n_neurons: int, seed: int) -> None:
    """Write counts, conditions and a velocity; made a block of trials at a time."""
    rng = np.random.default_rng(seed)
    time_s = np.arange(n_time) * BIN_S
    phase = rng.uniform(0, 2 * np.pi, (CONDITIONS, LATENTS))
    hz = rng.uniform(0.3, 2.0, (CONDITIONS, LATENTS))
    loading = rng.normal(0, 0.5, (LATENTS, n_neurons))
    base_hz = np.exp(rng.normal(np.log(5.0), 0.8, n_neurons))
    condition = rng.permutation(np.arange(n_trials) % CONDITIONS)
    spikes = np.empty((n_trials, n_time, n_neurons), np.float32)
    velocity = np.empty((n_trials, n_time, 2), np.float32)
    for first in range(0, n_trials, BLOCK):
        k = condition[first : first + BLOCK]
        own = rng.normal(0, 0.3, (len(k), 1, LATENTS))
        angle = 2 * np.pi * hz[k][:, None] * time_s[None, :, None] + phase[k][:, None]
        latents = np.sin(angle) + own
        rates = base_hz * np.exp(latents @ loading)
        spikes[first : first + BLOCK] = rng.poisson(rates * BIN_S)
        noise = rng.normal(0, 0.1, (len(k), n_time, 2))
        velocity[first : first + BLOCK] = np.roll(latents[..., :2], 5, axis=1) + noise
    np.savez(path, spikes=spikes, condition=condition, hand_vel=velocity, bin_s=BIN_S)


# --- one stage, in a process of its own -----------------------------------------------------------


class Meter:
    """Peak memory and processor seconds since the last report, a line each."""

    def __init__(self) -> None:
        self.seconds = time.process_time()

    def report(self, what: str) -> None:
        now = time.process_time()
        print(f"{what}\t{_peak_bytes()}\t{now - self.seconds:.2f}", flush=True)
        self.seconds = time.process_time()
        _forget_peak()


def _peak_bytes() -> int:
    """Of this process; where the system keeps it, since the last `_forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _forget_peak() -> None:
    with suppress(OSError):  # not Linux: peaks are those since the start
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def run_stage(stage: str, folder: Path, samples: int, scale: int) -> None:
    """Run one stage and print its parts."""
    meter, data = Meter(), str(folder / "recording.npz")
    STEPS[stage](meter, data, folder, samples, scale)


def _imports(meter: Meter, *_: object) -> None:
    import undertow.cli.app
    import undertow.models  # noqa: F401

    meter.report("python and pytorch alone")


def _info(meter: Meter, data: str, *_: object) -> None:
    _verb("info", data)
    meter.report("info")


def _dry_run(meter: Meter, data: str, *_: object) -> None:
    _verb("fit", data, "--dry-run")
    meter.report("dry run")


def _fit(meter: Meter, data: str, folder: Path, samples: int, scale: int) -> None:
    from undertow.experiments import prepare, run
    from undertow.models import LangevinFlow
    from undertow.training import Training

    training = Training(epochs=1, refit=False)
    trials = [prepare(data)]
    meter.report("read")
    heads = iter(("fit of one epoch, predictions", "baseline", "scores"))
    run(
        trials.pop(),  # as the command line does: a run lets go what it has split
        LangevinFlow(training=training),
        folder / "run",
        source={"path": data},
        say=lambda line: meter.report(next(heads)),
        progress=lambda *_: meter.report("  of which the epoch"),
    )
    meter.report("report")


def _predict(meter: Meter, data: str, folder: Path, samples: int, scale: int) -> None:
    _verb("predict", str(folder / "run"), data, "--out", str(folder / "predicted"))
    meter.report("predict")
    if samples:
        from undertow.data import load
        from undertow.models.loading import load_model

        model = load_model(folder / "run" / "model.safetensors")
        trials = load(data).replace(heldout=model.heldout_)
        few = trials[: max(1, trials.n_trials // scale)]
        del trials
        meter.report("read again")
        model.predict(few, samples=samples)
        meter.report(f"predict {samples} samples of {few.n_trials} trials")


STEPS: dict[str, Callable[..., None]] = {
    "imports": _imports,
    "info": _info,
    "dry-run": _dry_run,
    "fit": _fit,
    "predict": _predict,
}


def _verb(*words: str) -> None:
    """A verb of the command line, its output thrown away."""
    from contextlib import redirect_stdout

    from undertow.cli.app import app

    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        app([*words], standalone_mode=False)


# --- all of them ----------------------------------------------------------------------------------


def measure(stage: str, folder: Path, args: argparse.Namespace) -> list[tuple[str, int, float]]:
    """The lines of one stage: what, peak bytes, processor seconds."""
    command = [sys.executable, __file__, "--stage", stage, "--folder", str(folder)]
    command += ["--samples", str(args.samples), "--scale", str(args.scale)]
    limit = int(args.limit_gb * 1e9)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        command, env=environment, preexec_fn=limited, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"{stage} ended with {done.returncode}: {done.stderr[-800:]}")
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    return [(what, int(peak), float(seconds)) for what, peak, seconds in rows]


def main() -> None:
    args = _arguments()
    if args.stage:
        run_stage(args.stage, args.folder, args.samples, args.scale)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as name:
        folder = Path(name)
        write_recording(folder / "recording.npz", args.trials, args.bins, args.neurons, args.seed)
        counts = 4 * args.trials * args.bins * args.neurons
        print(f"{args.trials} trials × {args.bins} bins × {args.neurons} neurons: ", end="")
        print(f"{counts / 1e6:.0f} MB of counts\n{'':44s}{'peak':>9s}{'× counts':>10s}{'cpu':>9s}")
        seconds: dict[str, float] = {}
        for stage in args.stages:
            for what, peak, took in measure(stage, folder, args):
                seconds[what.strip()] = took
                print(
                    f"{what:44s}{peak / 1e6:6.0f} MB{peak / counts:10.2f}{took:7.1f} s", flush=True
                )
        if "report" in seconds:
            after = sum(seconds[name] for name in ("baseline", "scores", "report"))
            epochs = after / seconds["of which the epoch"]
            print(f"baseline, scores and report together: {after:.0f} s, {epochs:.1f} epochs")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--bins", type=int, default=100)
    parser.add_argument("--neurons", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=20, help="posterior samples; 0 for none")
    parser.add_argument("--scale", type=int, default=10, help="one trial in so many is sampled")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--limit-gb", type=float, default=9.0, help="of addresses, per process")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the files go, and are removed from")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
