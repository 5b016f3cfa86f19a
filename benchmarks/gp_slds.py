"""GP-SLDS on the reach recording: what it generates, and how long it takes.

    python benchmarks/gp_slds.py DATA_FOLDER [--dims 2 4 8] [--folds 0] [--split-seed 0] [--inner]

The recording, folds, seconds seen and scores of latent_sde_table.py, time as the input. Each width
of the state is fitted on the training trials of each fold; the iteration is chosen on 15 % of them
by what is generated. --inner fits inside the training trials of fold 0, to choose a width on.
Intervals are 95 % bootstraps over the test trials of a fold.
"""

import argparse
import time
from pathlib import Path

from latent_sde_recordings import maze_reach
from latent_sde_table import FOLDS
from undertow.data import fold_trials
from undertow.evaluation import Score
from undertow.models import GPSLDS, VariationalEM

SHOWN = ("generated bps", "generated behavior R2", "held-in bps", "velocity R2")
ITERATIONS, SAMPLES, SEEN_S = 30, 100, 0.1


def make_model(dim: int, seed: int) -> GPSLDS:
    """The model of every fold."""
    em = VariationalEM(iterations=ITERATIONS, monitor="generate")
    return GPSLDS(dim, time=True, initial_s=SEEN_S, samples=SAMPLES, seed=seed, em=em)


def shown(score: Score) -> str:
    """Value and interval."""
    return f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--dims", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--folds", type=int, nargs="+", default=[0])
    parser.add_argument("--split-seed", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--inner", action="store_true", help="within the training trials of fold 0")
    options = parser.parse_args()
    trials = maze_reach(options.data)
    if options.inner:
        trials = trials[fold_trials(trials, FOLDS, options.split_seed)[0][0]]
    folds = fold_trials(trials, FOLDS, options.split_seed + options.inner)
    print(f"| width | fold | dynamics | {' | '.join(SHOWN)} | fit (s) |")
    print("|---" * (len(SHOWN) + 4) + "|")
    for dim in options.dims:
        for fold in options.folds:
            train, test = (trials[rows] for rows in folds[fold])
            started = time.monotonic()
            model = make_model(dim, options.seed).fit(train, verbose=False)
            seconds = time.monotonic() - started
            scores = model.score(test, train)
            found = [model.parameter_counts()["dynamics"], *(shown(scores[k]) for k in SHOWN)]
            cells = " | ".join(map(str, (dim, fold, *found, round(seconds))))
            print(f"| {cells} |", flush=True)


if __name__ == "__main__":
    main()
