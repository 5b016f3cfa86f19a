"""LangevinFlow beside smoothing on the Lorenz system: how well true rates are recovered.

    python benchmarks/lorenz.py [--file lorenz_10ms.h5] [--out RESULTS] [--seeds 3] [--workers 2]
        [--only default …]

Without --file: `simulate_lorenz()` with its defaults, scored on its own 260 test trials. With
--file: an HDF5 file in the LFADS layout, scored on its 'valid' trials, validation split off its
'train' trials. No neuron is held out. Arms: the default, the same trained longer, both without
latents, and the published structure. Finished fits are not run again.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from arms import PUBLISHED_STRUCTURE
from undertow import LangevinFlow, Smoothing, load, simulate_lorenz
from undertow.experiments import CellResult, run_grid, score_table
from undertow.models.base import Estimator

LONGER = {"training__steps": 5000}
ARMS: Mapping[str, Mapping[str, Any]] = {
    "default": {},
    "no-latents": {"dynamics": None},
    "longer": LONGER,
    "longer-no-latents": {"dynamics": None, **LONGER},
    "published-structure": {**PUBLISHED_STRUCTURE, **LONGER},
}
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
    parser.add_argument("--only", nargs="+", choices=ARMS, default=list(ARMS))
    options = parser.parse_args()
    name = options.file.stem if options.file else "default"
    trials = load(options.file) if options.file else simulate_lorenz()
    models: dict[str, Estimator] = {
        arm: LangevinFlow().set_params(**ARMS[arm]) for arm in options.only
    }
    cells = run_grid(
        models,
        {name: trials},
        options.out,
        seeds=range(options.seeds),
        workers=options.workers,
        report=say,
    )
    smoothing = run_grid({"smoothing": Smoothing()}, {name: trials}, options.out, report=say)
    found = {arm: [cell for cell in cells if cell.cell.model == arm] for arm in models}
    found["smoothing"] = smoothing * options.seeds
    table = score_table({arm: [[each.statistics() for each in own]] for arm, own in found.items()})
    for score in SHOWN:
        for arm, own in found.items():
            seeds = [each.scores[score] for each in own if each.scores is not None]
            each_seed = ", ".join(f"{value:.4f}" for value in seeds)
            print(f"{name} {arm:20s} {table.scores[arm][score]}; seeds {each_seed}")
    for arm, own in found.items():
        print(f"{name} {arm:20s} {max(each.fit_s for each in own):.0f} s the longest fit")


if __name__ == "__main__":
    main()
