"""LangevinFlow in its published structure beside smoothing on the Lorenz system: how well true
rates are recovered.

    python benchmarks/lorenz.py [--file lorenz_10ms.h5] [--out RESULTS] [--seeds 3] [--workers 2]

Without --file: `simulate_lorenz()` with its defaults, scored on its own 260 test trials. With
--file: an HDF5 file in the LFADS layout, scored on its 'valid' trials, validation split off its
'train' trials. No neuron is held out. Finished fits are not run again.
"""

import argparse
import statistics
from pathlib import Path

from arms import PUBLISHED_STRUCTURE
from undertow import LangevinFlow, Smoothing, load, simulate_lorenz
from undertow.experiments import CellResult, run_grid, score_table
from undertow.training import Training

DROPOUT = {"default": 0.05, "lorenz_10ms": 0.1}  # the file has a quarter of the spikes
TRAINING = Training(epochs=100, batch_size=16)
SHOWN = ("rate R2", "rate R2 variance-weighted", "rate R2 median")


def say(result: CellResult, done: int, total: int) -> None:
    """One line per fit."""
    outcome = result.error or f"rate R2 {result.scores['rate R2']:.4f} ({result.fit_s:.0f} s)"
    print(f"{done}/{total} {result.cell.name}: {outcome}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/lorenz"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    name = options.file.stem if options.file else "default"
    trials = load(options.file) if options.file else simulate_lorenz()
    settings = {
        **PUBLISHED_STRUCTURE,
        "observation__rate_floor_hz": 0.0,
        "dropout": DROPOUT.get(name, 0.1),
    }
    models = {"langevin-flow": LangevinFlow(training=TRAINING).set_params(**settings)}
    cells = run_grid(
        models,
        {name: trials},
        options.out,
        seeds=range(options.seeds),
        workers=options.workers,
        report=say,
    )
    baseline = run_grid({"smoothing": Smoothing()}, {name: trials}, options.out, report=say)[
        0
    ].statistics()
    table = score_table({
        "langevin-flow": [[cell.statistics() for cell in cells]],
        "smoothing": [[baseline] * len(cells)],
    })  # fmt: skip
    for score in SHOWN:
        seeds = [cell.scores[score] for cell in cells]
        spread = statistics.stdev(seeds) if len(seeds) > 1 else float("nan")
        for model, scores in table.scores.items():
            print(f"{name} {model:14s} {scores[score]}")
        print(
            f"{name} over seeds: {', '.join(f'{value:.4f}' for value in seeds)} (sd {spread:.4f})"
        )
    print(f"{max(cell.fit_s for cell in cells):.0f} s the longest fit")


if __name__ == "__main__":
    main()
