"""Single changes of the default LangevinFlow, compared inside fold 0's training trials: how the
default was chosen.

    python benchmarks/ideas.py DATA_FOLDER [--out RESULTS] [--only NAME …] [--recording maze_reach]

Fold 0's training part alone is split into four inner folds (stratified, seed 1); each idea is
trained once on three of them and scored on the fourth, with one seed. The fold's own test trials
are not touched. Finished fits are not run again.
"""

import argparse
from pathlib import Path
from typing import Any

from does_the_physics_help import PUBLISHED_STRUCTURE, say
from recordings import RECORDINGS
from undertow import LangevinFlow
from undertow.data import fold_trials
from undertow.experiments import latent_reliance, run_grid, score_table
from undertow.training import Training

IDEAS: dict[str, dict[str, Any]] = {
    "default": {},
    "input-potential": {"dynamics__potential": "input-driven"},
    "no-latents": {"dynamics": None},
    "published-structure": PUBLISHED_STRUCTURE,
    "published-but-controlled": {**PUBLISHED_STRUCTURE, "posterior": "controlled"},
    "h-never-withheld": {"decoder__withhold_h": 0.0},
    "h-withheld-70": {"decoder__withhold_h": 0.7},
    "latents-alone": {"decoder__inputs": ("z", "v")},
    "initial-from-first-bin": {"posterior__initial_s": "first"},
    "forward-gru": {"encoder__bidirectional": False},
    "timescale-20ms": {"dynamics__timescale_s": 0.02},
    "timescale-150ms": {"dynamics__timescale_s": 0.15},
    "learned-timescale": {"dynamics__learn": ("gamma", "temperature", "timescale")},
    "nothing-learned": {"dynamics__learn": ()},
    "colder": {"dynamics__temperature": 0.1},
    "hotter": {"dynamics__temperature": 3.0},
    "kl-weight-0.2": {"kl__peak": 0.2},
    "kl-weight-0.01": {"kl__peak": 0.01},
    "latent-dim-16": {"latent_dim": 16},
    "no-floor": {"observation__rate_floor_hz": 0.0},
    "floor-0.5": {"observation__rate_floor_hz": 0.5},
    "mlp-decoder": {"decoder": "mlp"},
}
SHOWN = ("co-bps", "velocity R2 log-rate", "velocity R2", "psth R2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/ideas"))
    parser.add_argument("--only", nargs="+", choices=IDEAS, default=list(IDEAS))
    parser.add_argument("--recording", choices=RECORDINGS, default="maze_reach")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    protocol = RECORDINGS[options.recording]
    trials = protocol.load(options.data)
    inner = trials[fold_trials(trials, 5, 0)[0][0]]
    training = Training(
        epochs=protocol.epochs, validate_every=protocol.epochs, keep="last", refit=True
    )
    models = {n: LangevinFlow(training=training).set_params(**IDEAS[n]) for n in options.only}
    cells = run_grid(
        models,
        {options.recording: inner},
        options.out,
        folds=4,
        split_seed=1,
        workers=options.workers,
        report=say,
    )
    print(
        f"| idea | {' | '.join(SHOWN)} | latent reliance |",
        "|---" * (len(SHOWN) + 2) + "|",
        sep="\n",
    )
    for name in models:
        statistics = [
            [cell.statistics()] for cell in cells if cell.cell.model == name and not cell.error
        ]
        scores = score_table({name: statistics}).scores[name]
        carried = latent_reliance(statistics)
        values = [f"{scores[each].value:.4f}" if each in scores else "–" for each in SHOWN]
        print(
            f"| {name} | {' | '.join(values)} | "
            f"{'–' if carried is None else f'{carried.value:.4f}'} |"
        )


if __name__ == "__main__":
    main()
