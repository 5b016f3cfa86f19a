"""How near `--dry-run` comes to what a fit then takes, of every model, on three sizes.

    OMP_NUM_THREADS=1 python benchmarks/dry_run.py [--models lds lfads …] [--out runs/dry_run.json]

Made reaches of 64, 200 and 600 trials; the estimate, then the fit itself, in processor seconds of
one thread. A ratio of 1 is an estimate that holds; early stopping of expectation–maximisation makes
a fit shorter than its estimate. Finished pairs are kept in the file and not run again.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import torch

from undertow.data import split_trials
from undertow.experiments import estimate, named_models
from undertow.experiments.comparison.running import compared_by_default
from undertow.experiments.text_tables import markdown_table
from undertow.systems import simulate_maze_like

SIZES = (64, 200, 600)


def pair(name: str, n_trials: int) -> tuple[float, float]:
    """Processor seconds as estimated, and as taken."""
    trials = simulate_maze_like(trials_per_condition=n_trials // 8).hold_out(20, seed=0)
    splits = split_trials(trials, seed=0)
    model = named_models([name])[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = estimate(model, splits, time.process_time).seconds
        started = time.process_time()
        model.fit(splits.train, splits.validation, verbose=False)
    return told, time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=compared_by_default())
    parser.add_argument("--out", type=Path, default=Path("runs/dry_run.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    known = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.models:
        for size in SIZES:
            key = f"{name}/{size}"
            if key not in known:
                known[key] = pair(name, size)
                options.out.parent.mkdir(parents=True, exist_ok=True)
                options.out.write_text(json.dumps(known, indent=2))
            told, took = known[key]
            print(
                f"{key}: {told:.2f} s told, {took:.2f} s taken, ratio {told / took:.2f}", flush=True
            )
    rows = [
        [name, *(f"{known[f'{name}/{n}'][0] / known[f'{name}/{n}'][1]:.2f}" for n in SIZES)]
        for name in options.models
    ]
    print(markdown_table(["told / taken", *(f"{n} trials" for n in SIZES)], rows))


if __name__ == "__main__":
    main()
