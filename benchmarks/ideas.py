"""Single changes of the default LangevinFlow, compared inside the training trials: how the default
was chosen.

    python benchmarks/ideas.py DATA_FOLDER [--out RESULTS] [--only NAME …] [--recordings …]
        [--inner 0] [--seeds 1]

Of each recording the training trials of fold 0 (of five, split seed 0) are split into four inner
folds (stratified, seed 1); each idea is fitted as a user would fit it on three of them, validation
trials among these, and scored on the fourth. The fold's own test trials are not touched. Values are
bits per spike of held-out neurons, differences are paired with the default of today, intervals 95 %
bootstraps over trials. Finished fits are not run again; two processes of one thread.
"""

import argparse
from pathlib import Path
from typing import Any

from arms import PUBLISHED_STRUCTURE
from does_the_physics_help import say
from intervals import differences, folds_of, scores, shown
from recordings import BEHAVIOR, RECORDINGS
from tried import TRIED
from tried_ensembles import TRIED_ENSEMBLES
from undertow import Ensemble, LangevinFlow, Smoothing
from undertow.data import fold_trials
from undertow.experiments import CellResult, run_grid
from undertow.models.base import Estimator

TOGETHER = {"decoder__read": "together", "decoder__withhold_h": 0.4}
BEFORE = {
    **TOGETHER,
    "dropout": 0.35,
    "coordinated_dropout": 0.5,
    "pool": None,
    "training__refit": False,
    "training__epochs": 200,
}
"""The default before these ideas."""

IDEAS: dict[str, dict[str, Any]] = {
    "default": {},
    "before": BEFORE,
    "no-latents": {"dynamics": None},
    "no-latents-transformer": {"dynamics": None, "decoder__read": "together"},
    "no-latents-mlp": {"dynamics": None, "decoder": "mlp"},
    # the steps from then to now, each taken back alone
    "no-pool": {"pool": None},
    "no-refit": {"training__refit": False},
    "half-hidden": {"coordinated_dropout": 0.5},
    "one-decoder": TOGETHER,
    "one-decoder-h-always": {"decoder__read": "together", "decoder__withhold_h": 0.0},
    # regularisation
    "dropout-0.1": {"dropout": 0.1},
    "dropout-0.15": {"dropout": 0.15},
    "dropout-0.2": {"dropout": 0.2},
    "dropout-0.35": {"dropout": 0.35},
    "kl-weight-0.2": {"kl__peak": 0.2},
    "kl-weight-0.01": {"kl__peak": 0.01},
    "weight-decay-0.1": {"training__weight_decay": 0.1},
    "epochs-100": {"training__epochs": 100},
    "epochs-400": {"training__epochs": 400},
    "epochs-400-no-latents": {"dynamics": None, "training__epochs": 400},
    "steps-1000": {"training__steps": 1000},
    "steps-1000-no-latents": {"dynamics": None, "training__steps": 1000},
    "steps-3000": {"training__steps": 3000},
    "batch-16": {"training__batch_size": 16},
    "wide": {"encoder__hidden_dim": 128, "decoder__width": 256},
    "wide-encoder": {"encoder__hidden_dim": 128},
    "narrow-decoder": {"decoder__width": 64},
    "mlp-decoder": {"decoder": "mlp"},
    "hidden-0-0.6": {"coordinated_dropout": (0.0, 0.6)},
    "hidden-0.2-0.9": {"coordinated_dropout": (0.2, 0.9)},
    "slower": {"training__learning_rate": 1.5e-3},
    "narrow": {"latent_dim": 32, "encoder__hidden_dim": 32, "decoder__width": 64},
    # physics
    "first-order": {"dynamics__order": 1},
    "input-potential": {"dynamics__potential": "input-driven"},
    "context-potential": {"dynamics__potential": "context"},
    "mlp-potential": {"dynamics__potential": "mlp"},
    "faster": {"dynamics__timescale_s": 0.02},
    "faster-first-order": {"dynamics__timescale_s": 0.02, "dynamics__order": 1},
    "colder": {"dynamics__temperature": 0.05},
    "hotter": {"dynamics__temperature": 1.5},
    "published-structure": PUBLISHED_STRUCTURE,
}
MODELS: dict[str, Estimator] = {
    "auto": LangevinFlow.preset("auto"),
    "mean-of-three": Ensemble(LangevinFlow(), size=3),
    "smoothing": Smoothing(),
    **TRIED,
    **TRIED_ENSEMBLES,
}


def table(cells: dict[str, list[CellResult]], names: list[str], score: str) -> str:
    """Ideas down, recordings across: the score, and its difference from the default."""
    lines = [f"| {score} | {' | '.join(cells)} |", "|---" * (len(cells) + 1) + "|"]
    for name in names:
        found = []
        for recording, each in cells.items():
            own = folds_of(each, name, recording, {score: score})
            default = folds_of(each, "default", recording, {score: score})
            if not own or not all(seed for fold in own for seed in fold):
                found.append("–")
                continue
            value = shown(scores(own)[score])
            apart = differences(own, default)[score] if name != "default" else None
            found.append(value if apart is None else f"{value}<br>{shown(apart, '+')}")
        lines.append(f"| {name} | {' | '.join(found)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("runs/ideas"))
    parser.add_argument("--only", nargs="+", choices=[*IDEAS, *MODELS], default=list(IDEAS))
    parser.add_argument("--recordings", nargs="+", choices=RECORDINGS, default=list(RECORDINGS))
    parser.add_argument("--inner", type=int, nargs="+", default=[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    names = list(dict.fromkeys(["default", *options.only]))
    models = {n: MODELS[n] if n in MODELS else LangevinFlow().set_params(**IDEAS[n]) for n in names}
    cells: dict[str, list[CellResult]] = {}
    for recording in options.recordings:
        trials = RECORDINGS[recording].load(options.data)
        cells[recording] = run_grid(
            models,
            {recording: trials[fold_trials(trials, 5, 0)[0][0]]},
            options.out,
            folds=4,
            split_seed=1,
            only_folds=options.inner,
            seeds=range(options.seeds),
            workers=options.workers,
            report=say,
        )
    for score in ("co-bps", "psth R2", *BEHAVIOR):
        print(f"\n{table(cells, names, score)}", flush=True)


if __name__ == "__main__":
    main()
